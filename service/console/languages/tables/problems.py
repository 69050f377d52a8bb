"""What error pages say: what happened, and what to do."""

from collections.abc import Mapping

from service.console.languages.texts import Text

PROBLEM_TEXTS: Mapping[str, Text] = {
    "problem.request_id": Text("Número da requisição", "Request id"),
    "problem.detail": Text("Detalhe", "Detail"),
    "problem.back": Text("Voltar ao início", "Back to the start"),
    "problem.400.title": Text("Requisição inválida", "Invalid request"),
    "problem.400.do": Text(
        "Volte à página anterior, confira o que foi preenchido e tente de novo.",
        "Go back to the page before, check what was filled in, and try again.",
    ),
    "problem.403.title": Text("Não permitido", "Not allowed"),
    "problem.403.do": Text(
        "Seu papel não permite isto. Peça a um administrador.",
        "Your role does not allow this. Ask an administrator.",
    ),
    "problem.403.origin": Text(
        "Este formulário veio de outro site, ou o navegador não disse de onde. Abra o console e tente por lá.",
        "This form came from another site, or the browser did not say from where. Open the console and try there.",
    ),
    "problem.403.read_only": Text(
        "Este console está em modo somente leitura. Use a API, ou peça a quem o opera.",
        "This console is read-only. Use the API, or ask whoever runs it.",
    ),
    "problem.404.title": Text("Não encontrado", "Not found"),
    "problem.404.do": Text(
        "Não há nada aqui, ou você não pode ver. Confira o endereço.",
        "There is nothing here, or you may not see it. Check the address.",
    ),
    "problem.405.title": Text("Ação inexistente", "No such action"),
    "problem.405.do": Text("Volte ao início e tente por lá.", "Go back to the start and try from there."),
    "problem.408.title": Text("Tempo esgotado", "Too slow"),
    "problem.408.do": Text("O envio demorou demais. Tente de novo.", "Sending took too long. Try again."),
    "problem.409.title": Text("Não é possível agora", "Not possible now"),
    "problem.409.do": Text(
        "O estado mudou desde que a página foi aberta. Volte, atualize a página e veja.",
        "The state has changed since the page was opened. Go back, refresh the page, and look.",
    ),
    "problem.413.title": Text("Grande demais", "Too large"),
    "problem.413.do": Text("Envie menos de uma vez.", "Send less at once."),
    "problem.422.title": Text("Não foi possível usar o que foi preenchido", "What was filled in cannot be used"),
    "problem.422.do": Text("Volte, corrija e envie de novo.", "Go back, correct it, and send it again."),
    "problem.429.title": Text("Tentativas demais", "Too many attempts"),
    "problem.429.do": Text(
        "Espere {wait} e tente de novo.",
        "Wait {wait} and try again.",
    ),
    "problem.500.title": Text("O serviço falhou", "The service failed"),
    "problem.500.do": Text(
        "Nada do que foi pedido antes se perdeu. Tente de novo; se continuar, informe o número abaixo a quem opera "
        "o serviço: ele encontra o motivo no registro.",
        "Nothing that was asked for before is lost. Try again; if it goes on, tell the id below to whoever runs the "
        "service: it finds the reason in the log.",
    ),
    "problem.503.title": Text("Indisponível no momento", "Unavailable for the moment"),
    "problem.503.do": Text(
        "Nada se perdeu. Tente de novo em alguns segundos.",
        "Nothing is lost. Try again in a few seconds.",
    ),
}
