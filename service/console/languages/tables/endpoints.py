"""Webhook endpoints of an account."""

from collections.abc import Mapping

from service.console.languages.texts import Text

ENDPOINT_TEXTS: Mapping[str, Text] = {
    "webhooks.endpoints": Text("Endereços", "Endpoints"),
    "endpoints.title": Text("Endereços da conta", "Endpoints of the account"),
    "endpoints.one": Text("Endereço da conta", "Endpoint of the account"),
    "endpoints.add": Text("Cadastrar um endereço", "Add an endpoint"),
    "endpoints.hint": Text(
        "Recebe os eventos das suas tarefas e do seu monitoramento, sem ser informado a cada pedido.",
        "It gets the events of your jobs and monitors without being named in each request.",
    ),
    "endpoints.description": Text("Descrição", "Description"),
    "endpoints.events": Text("Eventos", "Events"),
    "endpoints.all": Text("Todos, também os que vierem a existir", "All, also those that come later"),
    "endpoints.add_button": Text("Cadastrar", "Add"),
    "endpoints.empty": Text(
        "Nenhum endereço ainda. Cadastre um acima para receber os eventos da conta.",
        "No endpoints yet. Add one above to get the events of the account.",
    ),
    "endpoints.enabled": Text("Ligado", "On"),
    "endpoints.failing": Text("Falhando", "Failing"),
    "endpoints.disabled.failing": Text("Desligado: só falhava", "Off: it only failed"),
    "endpoints.disabled.requested": Text("Desligado por uma pessoa", "Off: switched off by a person"),
    "endpoints.disabled_at": Text("Desligado em", "Switched off"),
    "endpoints.failing_since": Text("Falhando desde", "Failing since"),
    "endpoints.switch_on": Text("Ligar", "Switch on"),
    "endpoints.switch_off": Text("Desligar", "Switch off"),
    "endpoints.delete": Text("Excluir", "Delete"),
    "done.endpoint_added": Text(
        "Endereço cadastrado. Mostre o segredo e configure o receptor.",
        "The endpoint was added. Show its secret and configure the receiver.",
    ),
    "done.endpoint_on": Text("O endereço está ligado.", "The endpoint is on."),
    "done.endpoint_off": Text("O endereço está desligado.", "The endpoint is off."),
    "done.endpoint_deleted": Text("O endereço foi excluído.", "The endpoint was deleted."),
    "problem.endpoint_not_found": Text(
        "Não há esse endereço, ou ele não é seu.", "There is no such endpoint of yours."
    ),
    "problem.endpoint_exists": Text("Esse endereço já está cadastrado.", "An endpoint with this URL exists already."),
    "problem.too_many_endpoints": Text(
        "Há endereços demais. Exclua um antes.", "There are too many endpoints. Delete one first."
    ),
    "problem.endpoint_disabled": Text(
        "O endereço desta entrega está desligado ou foi excluído. Ligue-o antes.",
        "The endpoint of this delivery is switched off or was deleted. Switch it on first.",
    ),
}
