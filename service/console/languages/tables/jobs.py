"""Jobs."""

from collections.abc import Mapping

from service.console.languages.texts import Text

JOB_TEXTS: Mapping[str, Text] = {
    "jobs.title": Text("Tarefas", "Jobs"),
    "jobs.running": Text("Em andamento", "Running"),
    "jobs.waiting": Text("Na fila", "Waiting"),
    "jobs.ended": Text("Terminadas", "Ended"),
    "jobs.none_running": Text("Nada em andamento.", "Nothing is running."),
    "jobs.none_waiting": Text(
        "Nada na fila. Peça um processo para começar.", "Nothing waits. Ask for a case to start."
    ),
    "jobs.none_ended": Text("Nada terminou ainda.", "Nothing has ended yet."),
    "jobs.none_of_case": Text("Nenhuma tarefa sua para este processo.", "No job of yours for this case."),
    "jobs.ask": Text("Pedir um processo", "Ask for a case"),
    "jobs.case": Text("Processo", "Case"),
    "jobs.status": Text("Situação", "Status"),
    "jobs.position": Text("Posição", "Position"),
    "jobs.next": Text("próxima", "next"),
    "jobs.progress": Text("Documentos", "Documents"),
    "jobs.created": Text("Pedida em", "Asked for"),
    "jobs.ended_at": Text("Terminou em", "Ended"),
    "jobs.actions": Text("Ações", "Actions"),
    "jobs.cancel": Text("Cancelar", "Cancel"),
    "jobs.cancel_named": Text("Cancelar a tarefa do processo {number}", "Cancel the job of case {number}"),
    "jobs.retry": Text("Tentar de novo", "Retry"),
    "jobs.retry_named": Text("Tentar de novo o processo {number}", "Retry case {number}"),
    "jobs.waits_for": Text("Espera por: {reason}", "Waits for: {reason}"),
    "jobs.tried_again": Text("nova tentativa em", "tried again on"),
    "done.job_cancelled": Text("A tarefa foi cancelada.", "The job was cancelled."),
    "done.job_left": Text(
        "Você não espera mais por ela; ela continua para outros usuários.",
        "You no longer wait for it; it goes on for other users.",
    ),
    "problem.job_not_found": Text("Não há essa tarefa, ou ela não é sua.", "There is no such job of yours."),
    "problem.job_ended": Text("A tarefa já terminou.", "The job has ended already."),
    "jobs.sections": Text("Tarefas por situação", "Jobs by status"),
    "jobs.now": Text("Agora", "Now"),
    "jobs.failed": Text("Com falha", "Failed"),
    "jobs.completed": Text("Concluídas", "Completed"),
    "jobs.cancelled": Text("Canceladas", "Cancelled"),
}
