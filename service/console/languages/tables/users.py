"""Keys and users."""

from collections.abc import Mapping

from service.console.languages.texts import Text

USER_TEXTS: Mapping[str, Text] = {
    "keys.title": Text("Chaves de API", "API keys"),
    "keys.about": Text(
        "Cada programa e cada pessoa deve ter a sua. Revogar uma chave a encerra na hora, em todo lugar.",
        "Each program and each person should have one of its own. A revoked key ends at once, everywhere.",
    ),
    "keys.made": Text("A nova chave", "The new key"),
    "keys.made_hint": Text("Copie-a agora: ela não será mostrada de novo.", "Copy it now: it will not be shown again."),
    "keys.copy": Text("Copiar", "Copy"),
    "keys.copied": Text("Copiada", "Copied"),
    "keys.valid": Text("Chaves válidas", "Valid keys"),
    "keys.label": Text("Nome da chave", "Label"),
    "keys.label_hint": Text(
        "Por exemplo, o programa ou a pessoa que vai usá-la. Pode ficar vazio.",
        "For example the program or the person that will use it. May be left empty.",
    ),
    "keys.wrong_label": Text(
        "Use de 1 a 100 caracteres, sem caracteres de controle.",
        "Use 1 to 100 characters, without control characters.",
    ),
    "keys.no_label": Text("Sem nome", "No label"),
    "keys.ends": Text("Termina em", "Ends with"),
    "keys.created": Text("Criada", "Made"),
    "keys.used": Text("Último uso", "Last used"),
    "keys.actions": Text("Ações", "Actions"),
    "keys.this": Text("esta sessão", "this session"),
    "keys.revoke": Text("Revogar…", "Revoke…"),
    "keys.revoke_hint": Text(
        "Quem usa esta chave deixa de ter acesso na hora.", "Whoever uses this key loses access at once."
    ),
    "keys.revoke_this": Text(
        "Você entrou com esta chave: esta sessão termina junto.", "You logged in with this key: this session ends too."
    ),
    "keys.revoke_yes": Text("Revogar a chave", "Revoke the key"),
    "keys.none": Text("Não há chaves válidas.", "There are no valid keys."),
    "keys.new": Text("Nova chave", "New key"),
    "keys.make": Text("Criar chave", "Make a key"),
    "keys.full": Text(
        "Um usuário tem no máximo {most} chaves. Revogue uma primeiro.",
        "A user has {most} keys at most. Revoke one first.",
    ),
    "keys.sessions": Text("Sessões", "Sessions"),
    "keys.sessions_hint": Text(
        "Encerra as sessões deste usuário em todos os navegadores. As chaves continuam valendo.",
        "Ends the sessions of this user in all browsers. The keys stay valid.",
    ),
    "keys.everywhere": Text("Sair em todo lugar", "Log out everywhere"),
    "users.title": Text("Usuários", "Users"),
    "users.name": Text("Nome", "Name"),
    "users.role": Text("Papel", "Role"),
    "users.role.user": Text("Usuário", "User"),
    "users.role.admin": Text("Administrador", "Administrator"),
    "users.since": Text("Desde", "Since"),
    "users.new": Text("Novo usuário", "New user"),
    "users.new_hint": Text(
        "O usuário recebe uma chave, mostrada uma única vez. Um administrador vê e administra tudo.",
        "The user gets a key, which is shown once. An administrator sees and manages everything.",
    ),
    "users.make": Text("Criar usuário", "Make the user"),
    "users.wrong_name": Text(
        "Use um nome de 1 a 200 caracteres, sem caracteres de controle.",
        "Use a name of 1 to 200 characters, without control characters.",
    ),
    "users.name_taken": Text("Já existe um usuário com este nome.", "Another user has this name."),
    "users.delete": Text("Excluir o usuário", "Delete the user"),
    "users.delete_open": Text("Excluir…", "Delete…"),
    "users.delete_hint": Text(
        "As chaves, as sessões e os webhooks deste usuário terminam na hora. Não há como desfazer.",
        "The keys, the sessions and the webhooks of this user end at once. There is no way back.",
    ),
    "users.delete_yes": Text("Excluir de vez", "Delete for good"),
    "done.key_revoked": Text("A chave foi revogada.", "The key is revoked."),
    "done.user_deleted": Text("O usuário foi excluído.", "The user is deleted."),
    "problem.too_many_keys": Text(
        "Este usuário já tem o máximo de chaves. Revogue uma primeiro.",
        "This user has as many keys as one may have. Revoke one first.",
    ),
    "problem.last_admin": Text(
        "O último administrador precisa continuar, com uma chave. Crie outro administrador ou outra chave antes.",
        "The last administrator has to stay, with a key. Make another administrator or another key first.",
    ),
}
