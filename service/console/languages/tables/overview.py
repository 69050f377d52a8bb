"""The overview."""

from collections.abc import Mapping

from service.console.languages.texts import Text

OVERVIEW_TEXTS: Mapping[str, Text] = {
    "overview.title": Text("Visão geral", "Overview"),
    "overview.portal": Text("Portal", "Portal"),
    "overview.queue": Text("Fila", "Queue"),
    "overview.queue_own": Text("Suas tarefas na fila", "Your jobs in the queue"),
    "overview.hosts": Text("Webhooks que falham", "Failing webhooks"),
    "overview.failures": Text("Últimas falhas", "Last failures"),
    "overview.hours": Text("Documentos por hora", "Documents per hour"),
    "overview.span": Text("Nos últimos dois dias", "In the last two days"),
    "portal.works": Text("Funciona", "Works"),
    "portal.unused": Text("Ainda não foi usado", "Not used yet"),
    "portal.paused": Text("Em pausa", "Paused"),
    "portal.failing": Text("Falha", "Fails"),
    "portal.refused": Text("Recusa o token", "Refuses the token"),
    "portal.since": Text("Desde", "Since"),
    "portal.reason": Text("Motivo", "Reason"),
    "portal.works.do": Text("Nada a fazer.", "There is nothing to do."),
    "portal.unused.do": Text(
        "Peça um processo para ver se o portal responde.", "Ask for a case to see whether the portal answers."
    ),
    "portal.paused.do": Text(
        "O portal pediu para ir mais devagar. O trabalho continua em {wait}.",
        "The portal asked to slow down. The work goes on in {wait}.",
    ),
    "portal.failing.do": Text(
        "Nada se perde: o trabalho espera e continua quando o portal voltar.",
        "Nothing is lost: the work waits and goes on when the portal is back.",
    ),
    "portal.refused.do": Text(
        "Os downloads esperam um token novo. Quem opera o serviço precisa configurá-lo.",
        "Downloads wait for a new token. Whoever runs the service has to set it.",
    ),
    "portal.token": Text("Token", "Token"),
    "portal.token.unknown": Text("Não diz quando vence", "Does not say when it ends"),
    "portal.token.ended": Text("Venceu", "Has ended"),
    "portal.token.left": Text("Vence em {wait}", "Ends in {wait}"),
    "portal.slots": Text("Vagas no portal", "Slots at the portal"),
    "portal.slots.of": Text("{open} de {all} em uso", "{open} of {all} in use"),
    "portal.workers": Text("Workers", "Workers"),
    "portal.workers.none": Text(
        "Nenhum worker está vivo: nada é baixado. Inicie um.", "No worker is alive: nothing is downloaded. Start one."
    ),
    "portal.bucket": Text("Armazenamento", "Storage"),
    "portal.bucket.failing": Text("Falha", "Fails"),
    "queue.user": Text("Usuário", "User"),
    "queue.waiting": Text("Na fila", "Waiting"),
    "queue.oldest": Text("Mais antiga há", "Oldest for"),
    "queue.deleted": Text("Usuários excluídos", "Deleted users"),
    "queue.empty": Text("Nada espera na fila.", "Nothing waits."),
    "hosts.host": Text("Servidor", "Host"),
    "hosts.failed": Text("Desistências", "Given up"),
    "hosts.last": Text("Última", "Last"),
    "hosts.error": Text("Motivo", "Reason"),
    "hosts.empty": Text("Nenhuma entrega falhou.", "No delivery failed."),
    "failures.case": Text("Processo", "Case"),
    "failures.documents": Text("Documentos", "Documents"),
    "failures.when": Text("Quando", "When"),
    "failures.do": Text("O que fazer", "What to do"),
    "failures.empty": Text("Nenhuma tarefa falhou.", "No job failed."),
    "chart.downloaded": Text("Baixados", "Downloaded"),
    "chart.failed": Text("Falharam", "Failed"),
    "chart.hour": Text("Hora", "Hour"),
    "chart.table": Text("Os mesmos números em tabela", "The same numbers as a table"),
    "chart.label": Text(
        "{downloaded} documentos baixados e {failed} com falha em dois dias; no máximo {most} em uma hora",
        "{downloaded} documents downloaded and {failed} failed in two days; at most {most} in one hour",
    ),
    "chart.note": Text("Contados na hora em que a tarefa terminou.", "Counted in the hour in which their job ended."),
    "chart.empty": Text(
        "Nada foi baixado nos últimos dois dias. Peça um processo para começar.",
        "Nothing was downloaded in the last two days. Ask for a case to begin.",
    ),
}
