"""Webhooks: deliveries, secret, tests."""

from collections.abc import Mapping

from service.console.languages.texts import Text

DELIVERY_TEXTS: Mapping[str, Text] = {
    "deliveries.title": Text("Webhooks", "Webhooks"),
    "deliveries.list": Text("Entregas", "Deliveries"),
    "deliveries.find": Text("Procurar entregas", "Find deliveries"),
    "deliveries.status": Text("Situação", "Status"),
    "deliveries.host": Text("Host", "Host"),
    "deliveries.case": Text("Processo", "Case"),
    "deliveries.any": Text("Todas", "All"),
    "deliveries.find_button": Text("Procurar", "Find"),
    "deliveries.event": Text("Evento", "Event"),
    "deliveries.when": Text("Criada em", "Created"),
    "deliveries.next": Text("Próxima tentativa", "Next attempt"),
    "deliveries.last_error": Text("Último erro", "Last error"),
    "deliveries.ended": Text("Terminou em", "Ended"),
    "deliveries.url": Text("Endereço", "URL"),
    "deliveries.empty": Text(
        "Nenhuma entrega ainda. Informe um webhook_url ao pedir um processo pela API, ou cadastre um endereço.",
        "No deliveries yet. Give a webhook_url when you ask for a case by the API, or add an endpoint.",
    ),
    "deliveries.none_found": Text(
        "Nenhuma entrega assim. Use menos condições.", "No such delivery. Use fewer conditions."
    ),
    "deliveries.clear": Text("Mostrar todas", "Show all"),
    "deliveries.none_of_case": Text("Nenhuma entrega sua para este processo.", "No delivery of yours for this case."),
    "deliveries.open_named": Text("Ver a entrega a {host}", "Look at the delivery to {host}"),
    "delivery.title": Text("Entrega a {host}", "Delivery to {host}"),
    "delivery.id": Text("webhook-id", "webhook-id"),
    "delivery.attempts": Text("Tentativas", "Attempts"),
    "delivery.attempt": Text("Tentativa {number}", "Attempt {number}"),
    "delivery.no_attempts": Text("Nenhuma tentativa ainda.", "No attempts yet."),
    "delivery.milliseconds": Text("{number} ms", "{number} ms"),
    "delivery.answered": Text("resposta {status}", "answer {status}"),
    "delivery.answer": Text("Resposta do receptor", "The receiver's answer"),
    "delivery.error": Text("Erro", "Error"),
    "delivery.resend": Text("Enviar de novo", "Send again"),
    "delivery.cancel": Text("Cancelar a entrega", "Cancel the delivery"),
    "delivery.resend_requested": Text(
        "Um reenvio foi pedido e será feito em instantes.", "A resend was asked for and will be made in a moment."
    ),
    "done.resent": Text("A entrega será enviada de novo agora.", "The delivery is sent again now."),
    "done.delivery_cancelled": Text("A entrega foi cancelada.", "The delivery was cancelled."),
    "recover.title": Text("Recuperar entregas", "Recover deliveries"),
    "recover.hint": Text(
        "Envia de novo todas as entregas que falharam desde uma data.",
        "Sends all deliveries again that have failed since a date.",
    ),
    "recover.since": Text("Desde (horário de Brasília)", "Since (Brasilia time)"),
    "recover.preview": Text("Ver quantas", "See how many"),
    "recover.count": Text(
        "{count} entregas falharam desde então e seriam enviadas de novo.",
        "{count} deliveries have failed since then and would be sent again.",
        one=(
            "1 entrega falhou desde então e seria enviada de novo.",
            "1 delivery has failed since then and would be sent again.",
        ),
    ),
    "recover.count_or_more": Text(
        "{number} entregas ou mais falharam desde então e seriam enviadas de novo.",
        "{number} deliveries or more have failed since then and would be sent again.",
    ),
    "recover.none": Text("Nenhuma entrega falhou desde então.", "No delivery has failed since then."),
    "recover.button": Text("Enviar de novo", "Send again"),
    "recover.wrong": Text("Informe uma data e uma hora.", "Give a date and a time."),
    "done.recovered": Text("As entregas que falharam serão enviadas de novo.", "The failed deliveries are sent again."),
    "webhooks.sections": Text("Partes dos webhooks", "Parts of the webhooks"),
    "webhooks.deliveries": Text("Entregas", "Deliveries"),
    "webhooks.recover": Text("Recuperar", "Recover"),
    "webhooks.secret": Text("Segredo", "Secret"),
    "webhooks.test": Text("Testar", "Test"),
    "secret.title": Text("Segredo de assinatura", "Signing secret"),
    "secret.hint": Text(
        "Com ele o receptor confere que um webhook é deste serviço. Não o mostre a ninguém.",
        "With it a receiver checks that a webhook comes from this service. Show it to nobody.",
    ),
    "secret.show": Text("Mostrar o segredo", "Show the secret"),
    "secret.current": Text("Segredo atual", "Current secret"),
    "secret.previous": Text(
        "Segredo anterior, que também assina por enquanto", "Previous secret, which also signs for a while"
    ),
    "secret.rotate": Text("Trocar o segredo", "Rotate the secret"),
    "secret.rotate_hint": Text(
        "O segredo atual ainda assina por um tempo, junto com o novo.",
        "The current secret goes on signing for a while, beside the new one.",
    ),
    "done.rotated": Text(
        "Há um segredo novo. Mostre-o e configure o receptor.",
        "There is a new secret. Show it and configure the receiver.",
    ),
    "test.title": Text("Testar um endereço", "Test a URL"),
    "test.hint": Text(
        "Envia um webhook.test assinado, uma vez, e mostra a resposta.",
        "Sends one signed webhook.test and shows the answer.",
    ),
    "test.url": Text("Endereço (https)", "URL (https)"),
    "test.button": Text("Enviar o teste", "Send the test"),
    "test.delivered": Text("Entregue: o receptor respondeu {status}.", "Delivered: the receiver answered {status}."),
    "test.failed": Text("Não entregue.", "Not delivered."),
    "problem.delivery_not_found": Text("Não há essa entrega, ou ela não é sua.", "There is no such delivery of yours."),
    "problem.delivery_not_due": Text(
        "A tarefa ainda não terminou: não há o que enviar.", "The job has not ended: there is nothing to send yet."
    ),
    "problem.delivery_ended": Text("A entrega já terminou.", "The delivery has ended already."),
    "test.outcome": Text("Resultado do teste", "Outcome of the test"),
}
