"""Monitors."""

from collections.abc import Mapping

from service.console.languages.texts import Text

MONITOR_TEXTS: Mapping[str, Text] = {
    "monitors.title": Text("Monitoramento", "Monitors"),
    "monitors.list": Text("Processos acompanhados", "Watched cases"),
    "monitors.case": Text("Processo", "Case"),
    "monitors.every": Text("A cada", "Every"),
    "monitors.status": Text("Situação", "Status"),
    "monitors.next": Text("Próxima consulta", "Next check"),
    "monitors.last": Text("Última consulta", "Last check"),
    "monitors.changed": Text("Última mudança", "Last change"),
    "monitors.never": Text("nunca", "never"),
    "monitors.failures": Text("{count} falhas seguidas", "{count} failures in a row", one=("1 falha", "1 failure")),
    "monitors.empty": Text(
        "Nenhum processo é acompanhado. Abra um processo e escolha “Acompanhar”.",
        "No case is watched. Open a case and choose “Watch”.",
    ),
    "monitors.remove": Text("Parar", "Stop"),
    "monitors.remove_named": Text("Parar de acompanhar {number}", "Stop watching {number}"),
    "monitors.check": Text("Consultar agora", "Check now"),
    "monitors.check_named": Text("Consultar agora {number}", "Check {number} now"),
    "monitors.actions": Text("Ações", "Actions"),
    "monitors.cases": Text("Ver os processos", "See the cases"),
    "done.check_requested": Text("O portal será consultado em instantes.", "The portal will be asked in a moment."),
    "monitors.wrong_every": Text(
        "Escolha um intervalo da lista, não menor que o permitido.",
        "Choose an interval of the list, not shorter than allowed.",
    ),
    "problem.monitor_not_found": Text("Você não acompanha este processo.", "You do not watch this case."),
    "problem.too_many_monitors": Text(
        "Você acompanha processos demais. Pare de acompanhar alguns.", "You watch too many cases. Stop watching some."
    ),
}
