"""Reports of Amazon SES, which come through Amazon SNS.

Anymail's views want Amazon's library for everything; here only mail that SES has put into an S3 bucket needs it. What
SNS signs is signed by Amazon for whoever rents there, so that it proves little; it is the WEBHOOK_SECRET in the
address given to SNS that says whose report it is. No address that a message names is called, neither its `SubscribeURL`
nor its `SigningCertURL`: a subscription is confirmed at Amazon's own address, made from region and token.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from anymail.exceptions import AnymailConfigurationError, AnymailWebhookValidationFailure
from anymail.utils import get_anymail_setting
from anymail.webhooks.amazon_ses import (
    AmazonSESBaseWebhookView,
    AmazonSESInboundWebhookView,
    AmazonSESTrackingWebhookView,
)

from core.errors import Malformed
from core.http import fetch

TOPIC = re.compile(
    r"arn:(?P<partition>aws(?:-[a-z]+){0,2}):sns:(?P<region>[a-z]{2}(?:-[a-z]+){1,3}-\d{1,2}):\d{12}:[\w.-]{1,260}",
    re.ASCII,
)
DOMAINS = {"aws-cn": "amazonaws.com.cn"}
LONGEST_TOKEN = 2048
LIMIT_BYTES = 64 * 1024
PATIENCE = timedelta(seconds=10)
"""SNS waits 15 seconds for an answer."""


class _WithoutLibrary(AmazonSESBaseWebhookView):  # type: ignore[misc] # Anymail is not typed
    def __init__(self, **kwargs: Any) -> None:
        options = {"esp_name": self.esp_name, "default": None}
        self.auto_confirm_enabled = get_anymail_setting(
            "auto_confirm_sns_subscriptions", esp_name=self.esp_name, default=True
        )
        self.endpoint = (get_anymail_setting("client_params", **options) or {}).get("endpoint_url", "")
        super(AmazonSESBaseWebhookView, self).__init__(**kwargs)

    def auto_confirm_sns_subscription(self, sns_message: Any) -> None:
        """Confirm a subscription of a topic to our address; the secret has been checked by then.

        Raises `Malformed` for what is no topic or token, and what `core.http.fetch` raises.
        """
        if not self.auto_confirm_enabled:
            return
        if not self.basic_auth:
            raise AnymailWebhookValidationFailure("A subscription is confirmed only where WEBHOOK_SECRET is set.")
        url = confirmation(str(sns_message.get("TopicArn")), str(sns_message.get("Token")), endpoint=self.endpoint)
        fetch(url, limit_bytes=LIMIT_BYTES, timeout=PATIENCE, allow_private=bool(self.endpoint))


class SesTracking(_WithoutLibrary, AmazonSESTrackingWebhookView):  # type: ignore[misc] # Anymail is not typed
    """Reports of SES."""


class SesInbound(_WithoutLibrary, AmazonSESInboundWebhookView):  # type: ignore[misc] # Anymail is not typed
    """Mail that SES hands on within the message of SNS."""

    def fetch_s3_chunks(self, bucket_name: str, object_key: str) -> Iterator[bytes]:
        """Nothing is fetched from buckets: the receipt rule must put the mail into the message itself."""
        raise AnymailConfigurationError("Let the receipt rule of SES publish the mail to SNS, not to a bucket.")


def confirmation(topic: str, token: str, *, endpoint: str = "") -> str:
    """The address that confirms a subscription, always Amazon's own unless the operator has configured another.

    Raises `Malformed` for what is no topic of SNS or no token.
    """
    found = TOPIC.fullmatch(topic)
    if found is None or not 0 < len(token) <= LONGEST_TOKEN or not token.isalnum():
        raise Malformed("This is no subscription of SNS.")
    domain = DOMAINS.get(found["partition"], "amazonaws.com")
    query = urlencode({"Action": "ConfirmSubscription", "TopicArn": topic, "Token": token})
    host = endpoint or f"https://sns.{found['region']}.{domain}"
    return f"{host}/?{query}"
