"""The words for statuses: one for each value of the enumerations of `service/domain/statuses.py`."""

from collections.abc import Mapping

from service.console.languages.texts import Text

STATUS_TEXTS: Mapping[str, Text] = {
    "status.case.pending": Text("Na fila", "Waiting"),
    "status.case.processing": Text("Em andamento", "In progress"),
    "status.case.completed": Text("Completo", "Complete"),
    "status.case.failed": Text("Com falhas", "With failures"),
    "status.case.cancelled": Text("Cancelado", "Cancelled"),
    "status.document.pending": Text("Na fila", "Waiting"),
    "status.document.processing": Text("Baixando", "Downloading"),
    "status.document.available": Text("Disponível", "Available"),
    "status.document.failed": Text("Falhou", "Failed"),
    "status.document.outdated": Text("Versão anterior", "Older version"),
    "status.job.pending": Text("Na fila", "Waiting"),
    "status.job.processing": Text("Em andamento", "Running"),
    "status.job.completed": Text("Concluída", "Completed"),
    "status.job.failed": Text("Falhou", "Failed"),
    "status.job.cancelled": Text("Cancelada", "Cancelled"),
    "status.delivery.waiting": Text("À espera da tarefa", "Waiting for the job"),
    "status.delivery.scheduled": Text("Agendada", "Scheduled"),
    "status.delivery.delivered": Text("Entregue", "Delivered"),
    "status.delivery.failed": Text("Falhou", "Failed"),
    "status.delivery.cancelled": Text("Cancelada", "Cancelled"),
    "status.monitor.active": Text("Ativo", "Active"),
    "status.monitor.failing": Text("Falhando", "Failing"),
}
