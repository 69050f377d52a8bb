"""Links that show a case to a person who has no key."""

from collections.abc import Mapping

from service.console.languages.texts import Text

SHARE_TEXTS: Mapping[str, Text] = {
    "case.shares": Text("Compartilhar", "Share"),
    "shares.hint": Text(
        "Um link mostra só este processo, sem chave e sem poder mudar nada, até vencer ou ser revogado.",
        "A link shows this case alone, without a key and without changing anything, until it expires or is revoked.",
    ),
    "shares.add": Text("Criar um link", "Make a link"),
    "shares.days": Text("Vale por", "Valid for"),
    "shares.day_count": Text("{count} dias", "{count} days", one=("1 dia", "1 day")),
    "shares.single": Text("Só pode ser aberto uma vez", "It can be opened once only"),
    "shares.add_button": Text("Criar link", "Make link"),
    "shares.link": Text("Copie o link agora: ele não é mostrado de novo.", "Copy the link now: it is not shown again."),
    "shares.list": Text("Links que valem", "Links that are valid"),
    "shares.none": Text("Nenhum link ainda.", "No links yet."),
    "shares.made": Text("Criado em", "Made"),
    "shares.expires": Text("Vence em", "Expires"),
    "shares.use": Text("Uso", "Use"),
    "shares.once": Text("uma vez", "once"),
    "shares.many": Text("várias vezes", "many times"),
    "shares.opened": Text("aberto", "opened"),
    "shares.actions": Text("Ações", "Actions"),
    "shares.revoke": Text("Revogar", "Revoke"),
    "shares.wrong_days": Text("Escolha por quanto tempo o link vale.", "Choose for how long the link is valid."),
    "shares.not_found": Text("Não há esse link, ou ele já terminou.", "There is no such link, or it has ended."),
    "shares.gone": Text(
        "Este link venceu, foi revogado ou já foi aberto. Peça outro a quem o enviou.",
        "This link has expired, was revoked, or was opened already. Ask whoever sent it for another one.",
    ),
    "shares.invitation": Text("Um processo foi compartilhado com você", "A case was shared with you"),
    "shares.open": Text("Abrir o processo", "Open the case"),
    "shares.until": Text("Compartilhado com você, só para leitura, até", "Shared with you, read-only, until"),
    "done.shared": Text("O link foi criado.", "The link was made."),
    "done.share_ended": Text("O link foi revogado.", "The link was revoked."),
}
