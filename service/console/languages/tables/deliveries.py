"""Webhooks: deliveries, secret, tests."""

from collections.abc import Mapping

from service.console.languages.texts import Text

DELIVERY_TEXTS: Mapping[str, Text] = {
    "deliveries.status": Text("Situação", "Status"),
    "deliveries.host": Text("Host", "Host"),
    "deliveries.case": Text("Processo", "Case"),
    "deliveries.event": Text("Evento", "Event"),
    "deliveries.when": Text("Criada em", "Created"),
    "deliveries.next": Text("Próxima tentativa", "Next attempt"),
    "deliveries.none_of_case": Text("Nenhuma entrega sua para este processo.", "No delivery of yours for this case."),
    "deliveries.open_named": Text("Ver a entrega a {host}", "Look at the delivery to {host}"),
    "done.resent": Text("A entrega será enviada de novo agora.", "The delivery is sent again now."),
    "done.delivery_cancelled": Text("A entrega foi cancelada.", "The delivery was cancelled."),
    "done.recovered": Text("As entregas que falharam serão enviadas de novo.", "The failed deliveries are sent again."),
    "done.rotated": Text(
        "Há um segredo novo. Mostre-o e configure o receptor.",
        "There is a new secret. Show it and configure the receiver.",
    ),
    "problem.delivery_not_found": Text("Não há essa entrega, ou ela não é sua.", "There is no such delivery of yours."),
    "problem.delivery_not_due": Text(
        "A tarefa ainda não terminou: não há o que enviar.", "The job has not ended: there is nothing to send yet."
    ),
    "problem.delivery_ended": Text("A entrega já terminou.", "The delivery has ended already."),
}
