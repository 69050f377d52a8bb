"""Why a document or a case failed, as sentences that say what to do: one for each `ErrorCode`."""

from collections.abc import Mapping

from service.console.languages.texts import Text

REASON_TEXTS: Mapping[str, Text] = {
    "reason.nothing_to_download": Text(
        "O portal lista este documento sem endereço. Atualize o processo quando o tribunal o tiver publicado.",
        "The portal lists this document without an address. Refresh the case once the court has published it.",
    ),
    "reason.document_not_found": Text(
        "O portal lista este documento, mas responde que ele não existe. Atualize o processo.",
        "The portal lists this document but answers that it does not exist. Refresh the case.",
    ),
    "reason.document_access_denied": Text(
        "O portal nega este documento à credencial em uso. Pode ser sigiloso: peça acesso ao tribunal.",
        "The portal denies this document to the credentials in use. It may be sealed: ask the court for access.",
    ),
    "reason.portal_error": Text(
        "O portal não conseguiu gerar este documento. Tente de novo mais tarde ou peça-o à secretaria.",
        "The portal failed to produce this document. Try again later, or ask the court's registry for it.",
    ),
    "reason.portal_unavailable": Text(
        "O portal não respondeu a tempo ou está fora do ar. Tente de novo mais tarde.",
        "The portal did not answer in time or is down. Try again later.",
    ),
    "reason.portal_page": Text(
        "Uma página do portal veio no lugar do documento. Tente de novo mais tarde.",
        "A web page of the portal came in place of the document. Try again later.",
    ),
    "reason.portal_answer_invalid": Text(
        "O portal respondeu com algo que não é o documento. Tente de novo mais tarde.",
        "The portal answered with something that is not the document. Try again later.",
    ),
    "reason.address_refused": Text(
        "O portal dá um endereço fora dele para este documento; ele não é seguido. Baixe-o no portal.",
        "The portal gives an address outside of itself for this document; it is not followed. Fetch it there by hand.",
    ),
    "reason.redirected": Text(
        "O portal redireciona este documento para outro lugar; isso não é seguido. Baixe-o no portal.",
        "The portal redirects this document elsewhere; that is not followed. Fetch it from the portal by hand.",
    ),
    "reason.truncated": Text(
        "O documento chegou cortado em todas as tentativas. Tente de novo mais tarde.",
        "The document was cut short on the way, every time. Try again later.",
    ),
    "reason.empty_document": Text(
        "O portal não enviou nenhum byte deste documento. Tente de novo mais tarde.",
        "The portal sent no bytes for this document. Try again later.",
    ),
    "reason.content_mismatch": Text(
        "O que o portal envia não é do tipo que ele lista, e nada mostra que é o documento. Compare com o portal.",
        "What the portal sends is not of the kind that it lists. Compare with the portal.",
    ),
    "reason.encoding_refused": Text(
        "O portal enviou o documento comprimido de um modo que este serviço não lê. Tente de novo mais tarde.",
        "The portal sent the document compressed in a way that this service cannot read. Try again later.",
    ),
    "reason.size_mismatch": Text(
        "O tamanho do que o portal envia difere do listado e muda a cada vez. Tente de novo mais tarde.",
        "What the portal sends differs in size from what it lists, and differs each time. Try again later.",
    ),
    "reason.too_large": Text(
        "O documento é maior do que este serviço aceita. Peça ao operador que aumente o limite.",
        "The document is larger than this service accepts. Ask its operator to raise the limit.",
    ),
    "reason.too_slow": Text(
        "O portal enviou o documento devagar demais para terminar. Tente de novo mais tarde.",
        "The portal sent the document too slowly to be finished. Try again later.",
    ),
    "reason.storage_refused": Text(
        "O armazenamento deste serviço recusa este documento. Fale com o operador: o registro diz por quê.",
        "The object store of this service refuses this document. Ask its operator: the log says why.",
    ),
    "reason.process_not_found": Text(
        "O portal não conhece este processo. Confira o número.", "The portal does not know this case. Check the number."
    ),
    "reason.process_access_denied": Text(
        "O portal nega este processo à credencial em uso. Pode ser sigiloso: peça acesso ao tribunal.",
        "The portal denies this case to the credentials in use. It may be sealed: ask the court for access.",
    ),
    "reason.job_expired": Text(
        "Por três dias nada pôde ser baixado: portal, token ou armazenamento falharam. Peça o processo de novo.",
        "For three days nothing could be downloaded: portal, token or store failed. Ask for the case again.",
    ),
    "reason.internal_error": Text(
        "Este serviço falhou, não o portal. Fale com o operador: o registro diz por quê.",
        "This service failed, not the portal. Ask its operator: the log says why.",
    ),
    "reason.unknown": Text(
        "O motivo não é conhecido por esta página. Tente de novo mais tarde.",
        "This page does not know the reason. Try again later.",
    ),
}
