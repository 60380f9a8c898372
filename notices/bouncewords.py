"""The words by which mail servers tell that they did not deliver: patterns over many systems and languages."""

import re

POLICY = re.compile(r"spam|policy|block|reputation|dmarc|\bspf\b|denied", re.IGNORECASE)
SYSTEM = re.compile(
    r"mailer[-_. ]?d(?:ae|ea)mon|post[-_]?master|mail ?delivery|delivery ?(?:sub)?system|^mdaemon@|^bounces?@|"
    r"mail ?administrator|system administrator|mail system|^mail(?:er)?@|email notification",
    re.IGNORECASE,
)
SUBJECT = re.compile(
    r"undeliver|nondeliver|non-deliver|not be (?:successfully )?delivered|(?:not|never) delivered|"
    r"delivery[\w: -]{0,30}"
    r"(?:fail|problem|error|incomplete|notification|report|delay|warning)|fail\w*[\w: -]{0,20}(?:delivery|"
    r"notice|mail)|"
    r"return(?:ed|ing)[\w: -]{0,20}(?:mail|message|sender)|mail[\w: -]{0,20}return|mail (?:system )?(?:error|"
    r"failure)|"
    r"warning: (?:could not|message)|bounce (?:notification|message)|rejected|user unknown|unknown user|mailbox full|"
    r"message (?:delayed|you sent)|delayed mail|unzustellbar|nicht zustell|zustell\w* fehl|fehler bei|verz.gert|"
    r"non remis|non distribu|.chec (?:de la remise|d)|no (?:se )?(?:pudo |puede |ha podido )?(?:ser )?entrega|"
    r"devuelto|"
    r"mancat[ao] (?:recapito|consegna)|non recapit|onbestelbaar|n.o (?:entregue|p.de ser)|недостав|не доставлен|"
    r"退信|投递失败|投遞失敗|无法(?:投递|送达|传递)|"
    r"未(?:传递|送达|傳遞)|無法傳遞|配信(?:不能|エラー|失敗)|配信でき|"
    r"送信(?:エラー|不能|失敗)|メールエラー|エラー通知|エラーメール|配達不能|送達|"
    r"반송|전송 실패|mail delivery|delivery notification",
    re.IGNORECASE,
)
WORDS = re.compile(
    r"(?:not|n't|cannot|unable to|fail\w*(?: to)?|error\w*(?: in| while)?)[^.\n]{0,60}\b(?:be )?(?:deliver|"
    r"reach)|undeliver|"
    r"deliver\w*[^.\n]{0,60}\bfail|(?:user|recipient|mailbox|account|address|host|domain)[^.\n]{0,30}(?:"
    r"unknown|not (?:be )?found|"
    r"unavailable|disabled|full|exceed|invalid|rejected|does(?: not|n't) exist)|(?:unknown|invalid|no such|"
    r"bad)[^.\n]{0,12}"
    r"(?:user|recipient|mailbox|address|host|domain|account)|over ?quota|quota exceed|were affected|was rejected|"
    r"had (?:permanent|transient|delivery)|transcript of session|failure reasons|returned message|permanent error|"
    r"送信できません|送信に失敗|配信できません|届けられません|メールボックスが|"
    r"投递|退回|退信|被拒|无法(?:发送|送达)|"
    r"returned because|encountered an error|"
    r"pas pu .tre d.livr|zugestellt|remis|entregad",
    re.IGNORECASE,
)
ORIGINAL = re.compile(
    r"(?:-{2,}[^\n]{0,60}(?:original|unsent|returned|undelivered|copy|message|mail|header)[^\n]{0,60}|"
    r"[^\n]{0,40}(?:message headers? follow|copy of (?:the|your)|original message|returned message|bounced e-?mail|"
    r"headers of the original|unsent message|text of your message|message text follows)[^\n]{0,60}|"
    r"received: (?:from|by|\(qmail)[^\n]*|return-path:[^\n]*|(?:message-id|mime-version): [^\n]*)\s*$",
    re.IGNORECASE,
)
WAITING = re.compile(
    r"(?:will|shall|going to)[^.\n]{0,40}(?:keep|continue|retr|try|tri|attempt)|delayed|not yet (?:been )?deliver|"
    r"still (?:trying|being)|"
    r"warning message only|do not need to resend|no action is required|temporar\w+ (?:deferred|delay)|verz.gert|"
    r"retard|retras",
    re.IGNORECASE,
)
PASSING = re.compile(
    r"(?:mailbox|quota|account|inbox)[^.\n]{0,40}(?:full|exceed|over)|over ?quota|disk (?:space|full)|"
    r"try (?:again )?later|temporar|transient|"
    r"timed? ?out|expired|too long in|deferred|メールボックスが一杯|容量|邮箱已满|空间不足|voll|llen[ao]|plein",
    re.IGNORECASE,
)
FINAL = re.compile(r"permanent(?:ly)? (?:fatal )?(?:err|fail|rej)|giv\w+ up|abandon", re.IGNORECASE)
NOBODY = re.compile(
    r"(?:unknown|invalid|no such|bad|non-?existent|unrouteable|disabled|unrecognized)[^.\n]{0,25}"
    r"(?:user|recipient|mailbox|address|account|person|domain)|"
    r"(?:user|recipient|mailbox|address|account|domain)\b[^.\n]{0,40}"
    r"(?:unknown|not (?:be )?found|does(?: not|n't) exist|invalid|disabled|unavailable|"
    r"no longer|not (?:listed|exist|recogni[sz]ed|a valid|known))|(?:host|domain)[^.\n]{0,30}not found|"
    r"no mailbox here|nullmx|null mx",
    re.IGNORECASE,
)
REPLIED = re.compile(r"\s*(?:re|aw|sv|antw|fwd?|wg|tr|rv|回复|答复|转发)\s*[:\uff1a]", re.IGNORECASE)
AT_THE_END = re.compile(r"(?:non remis|delivery fail\w*|undeliverable)\W*$", re.IGNORECASE)
STATUS = re.compile(r"(?<![\d.])([45])\.\d{1,3}\.\d{1,3}(?![\d.])")
REPLY = re.compile(r"(?<![\d.:/-])([45]\d\d)(?=[ \-#:]+(?:\d\.\d|[^\d\s])|$)")
NOT_RECIPIENT = re.compile(
    r"^\W*(?:from|sender|mail from|return-path|reply-to|message-?id|envelope-from|original sender|sent by|"
    r"in-reply-to|"
    r"reporting-mta|送信者)\b|mailto:|https?://|contact|e-?mail from|sent from|message from",
    re.IGNORECASE,
)
RECIPIENT = re.compile(
    r"rcpt to|recipient|\bto\b|addressee|failed|user|mailbox|"
    r"^\W*<?[^\s<>@]+@[^\s<>@]+>?[\s:.,)]*$|^<?[^\s<>@]+@[^\s<>@]+>?:|"
    r"^-- |宛|收件人|address",
    re.IGNORECASE,
)
NAMED = re.compile(
    r"(?<![^\s<>()\[\],;:\"'|])[^\s<>()\[\],;:\"'|@]{1,100}@[a-zA-Z0-9_.\-\u0080-\uffff]{0,255}[a-zA-Z0-9\u0080-\uffff]"
)
