"""Whether anybody wrote a message, by what the engine shows of it: never what was written.

What a person sends is on a list; everything else that travels as a message (settings, keys, votes,
reactions, call logs, whatever WhatsApp invents next) is nothing that anybody wrote.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_WRITTEN: Final = frozenset(
    {
        "albumMessage",
        "audioMessage",
        "buttonsMessage",
        "buttonsResponseMessage",
        "commentMessage",
        "contactMessage",
        "contactsArrayMessage",
        "conversation",
        "documentMessage",
        "eventMessage",
        "extendedTextMessage",
        "groupInviteMessage",
        "highlyStructuredMessage",
        "imageMessage",
        "interactiveMessage",
        "interactiveResponseMessage",
        "invoiceMessage",
        "listMessage",
        "listResponseMessage",
        "liveLocationMessage",
        "locationMessage",
        "newsletterAdminInviteMessage",
        "newsletterFollowerInviteMessageV2",
        "orderMessage",
        "paymentInviteMessage",
        "pollCreationMessage",
        "pollCreationMessageV2",
        "pollCreationMessageV3",
        "pollCreationMessageV5",
        "productMessage",
        "ptvMessage",
        "questionResponseMessage",
        "requestPaymentMessage",
        "requestPhoneNumberMessage",
        "richResponseMessage",
        "sendPaymentMessage",
        "stickerMessage",
        "stickerPackMessage",
        "templateButtonReplyMessage",
        "templateMessage",
        "videoMessage",
    }
)
"""Parts of WhatsApp's ``Message`` that hold what a person sends (Baileys, ``WAProto.proto``; the
same names in whatsmeow's JSON)."""

_WRAPPERS: Final = frozenset(
    {
        "associatedChildMessage",
        "botForwardedMessage",
        "botInvokeMessage",
        "botTaskMessage",
        "deviceSentMessage",
        "documentWithCaptionMessage",
        "editedMessage",
        "ephemeralMessage",
        "eventCoverImage",
        "groupMentionedMessage",
        "lottieStickerMessage",
        "pollCreationMessageV4",
        "pollCreationOptionImageMessage",
        "questionMessage",
        "questionReplyMessage",
        "viewOnceMessage",
        "viewOnceMessageV2",
        "viewOnceMessageV2Extension",
    }
)
"""Parts that hold another ``message`` (``FutureProofMessage`` and ``DeviceSentMessage`` there)."""

_DEPTH: Final = 8
"""Wrappers in one another that are opened; Baileys opens five."""

_UNDECRYPTED: Final = (2, "CIPHERTEXT")
"""Baileys' stub for a message that cannot be decrypted: somebody wrote it."""

_TYPES: Final = frozenset(
    {
        "album",
        "audio",
        "broadcast",
        "buttons_response",
        "chat",
        "ciphertext",
        "comment",
        "contact_card",
        "contact_card_multi",
        "document",
        "event_creation",
        "groups_v4_invite",
        "hsm",
        "image",
        "interactive",
        "list",
        "list_response",
        "location",
        "multi_vcard",
        "native_flow",
        "newsletter_admin_invite",
        "order",
        "oversized",
        "payment",
        "poll_creation",
        "product",
        "product_list",
        "ptt",
        "ptv",
        "request_phone_number",
        "requested_payment",
        "revoked",
        "sticker",
        "sticker-pack",
        "sticker_pack",
        "template",
        "template_button_reply",
        "text",
        "unknown",
        "url",
        "vcard",
        "video",
        "view_once",
    }
)
"""Types of whatsapp-web.js and WPP that a person sends (whatsapp-web.js, ``Constants.js``,
``MessageTypes``; wa-js, ``MSG_TYPE``). What cannot be decrypted (``ciphertext``), was taken back
(``revoked``) or is not known to the engine (``unknown``) was written all the same."""


def somebody_wrote(data: Mapping[str, Any]) -> bool:
    """Whether ``payload._data`` is a message that somebody wrote.

    True where it does not say what kind of message it is: a gateway that shows nothing must not
    make everybody a stranger.
    """
    content = data.get("message") or data.get("Message")
    if isinstance(content, Mapping):
        parts = {name for name, part in content.items() if part is not None}
        # content that the engine could not read, or shows as empty
        return not parts or parts == {"messageContextInfo"} or _is_written(content, _DEPTH)
    stub = data.get("messageStubType")
    if stub:
        return stub in _UNDECRYPTED
    kind = data.get("type")
    return not isinstance(kind, str) or kind.lower() in _TYPES


def _is_written(content: Mapping[str, Any], depth: int) -> bool:
    for name, part in content.items():
        if part is None:
            continue
        if name in _WRITTEN:
            return True
        if name in _WRAPPERS and depth > 0 and isinstance(part, Mapping):
            inner = part.get("message") or part.get("Message")
            if isinstance(inner, Mapping) and _is_written(inner, depth - 1):
                return True
    return False
