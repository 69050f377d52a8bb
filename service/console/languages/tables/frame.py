"""What every page has, and the log-in."""

from collections.abc import Mapping

from service.console.languages.texts import Text

FRAME_TEXTS: Mapping[str, Text] = {
    "frame.name": Text("Autos", "Autos"),
    "frame.skip": Text("Ir para o conteúdo", "Skip to the content"),
    "frame.navigation": Text("Navegação", "Navigation"),
    "frame.preferences": Text("Idioma e aparência", "Language and appearance"),
    "frame.theme.auto": Text("Automática", "Automatic"),
    "frame.theme.light": Text("Clara", "Light"),
    "frame.theme.dark": Text("Escura", "Dark"),
    "frame.log_out": Text("Sair", "Log out"),
    "frame.lost": Text(
        "Sem conexão com o serviço. Tentando de novo…", "The connection to the service is lost. Trying again…"
    ),
    "frame.read_only": Text(
        "Este console está em modo somente leitura: nada pode ser alterado aqui.",
        "This console is read-only: nothing can be changed here.",
    ),
    "frame.refresh": Text("Atualizar", "Refresh"),
    "frame.next": Text("Próxima página", "Next page"),
    "frame.first": Text("Primeira página", "First page"),
    "frame.pages": Text("Páginas", "Pages"),
    "frame.api": Text("Referência da API", "API reference"),
    "nav.overview": Text("Visão geral", "Overview"),
    "nav.cases": Text("Processos", "Cases"),
    "nav.jobs": Text("Tarefas", "Jobs"),
    "nav.webhooks": Text("Webhooks", "Webhooks"),
    "nav.monitors": Text("Monitoramento", "Monitors"),
    "nav.keys": Text("Chaves", "Keys"),
    "nav.users": Text("Usuários", "Users"),
    "login.title": Text("Entrar", "Log in"),
    "login.key": Text("Chave de API", "API key"),
    "login.hint": Text(
        "Cole a chave uma vez. Ela não é guardada no navegador: a sessão dura 12 horas.",
        "Paste the key once. The browser does not keep it: the session lasts 12 hours.",
    ),
    "login.no_key": Text(
        "Sem chave? Peça uma a quem administra este serviço.", "No key? Ask whoever runs this service for one."
    ),
    "login.button": Text("Entrar", "Log in"),
    "login.wrong": Text(
        "Esta chave é desconhecida ou foi revogada. Confira se foi copiada inteira.",
        "This key is unknown or was revoked. Check that all of it was copied.",
    ),
    "login.continue": Text("Abrir o console", "Open the console"),
    "login.continue_hint": Text("Este link abre o console uma única vez.", "This link opens the console once."),
    "login.used": Text(
        "Este link já foi usado ou venceu. Peça outro, ou entre com uma chave.",
        "This link was used already or has expired. Ask for another one, or log in with a key.",
    ),
    "done.logged_out": Text("Você saiu.", "You are logged out."),
    "done.logged_out_everywhere": Text("Todas as suas sessões foram encerradas.", "All of your sessions have ended."),
}
