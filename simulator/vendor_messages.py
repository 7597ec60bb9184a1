"""Alpha Vantage's refusals, in its own words: HTTP 200 and one key, `Information`, `Note` or `Error Message`."""

from __future__ import annotations

_PLANS = "https://www.alphavantage.co/premium/"
_KEYS = "https://www.alphavantage.co/support/#api-key"


class Refusal(Exception):
    """An answer that is not data.

    Attributes:
        key: The only key of the answer.
        text: What stands there.
    """

    def __init__(self, key: str, text: str) -> None:
        super().__init__(text)
        self.key = key
        self.text = text


def bad_key() -> Refusal:
    """Returns the answer to a missing or unknown API key."""
    return Refusal(
        "Error Message",
        f"the parameter apikey is invalid or missing. Please claim your free API key on ({_KEYS}). "
        "It should take less than 20 seconds.",
    )


def demo_key() -> Refusal:
    """Returns the answer to the demo key asking for anything but the documented examples."""
    return Refusal(
        "Information",
        f"The **demo** API key is for demo purposes only. Please claim your free API key at ({_KEYS}) "
        "to explore our full API offerings. It takes fewer than 20 seconds.",
    )


def burst(per_second: int) -> Refusal:
    """Returns the answer to more requests within a second than the key may make."""
    requests = "request" if per_second == 1 else "requests"
    return Refusal(
        "Information",
        "Thank you for using Alpha Vantage! Please consider spreading out your free API requests more sparingly "
        f"({per_second} {requests} per second). You may subscribe to any of the premium plans at {_PLANS} to lift the "
        "free key rate limit (25 requests per day), raise the per-second burst limit, and instantly unlock all premium "
        "endpoints",
    )


def daily_budget(api_key: str, per_day: int) -> Refusal:
    """Returns the answer to a key that has used up its day: the vendor prints the key."""
    return Refusal(
        "Information",
        f"We have detected your API key as {api_key} and our standard API rate limit is {per_day} requests per day. "
        f"Please subscribe to any of the premium plans at {_PLANS} to instantly remove all daily rate limits.",
    )


def frequency_note() -> Refusal:
    """Returns the older answer to too many requests, which came as a `Note`."""
    return Refusal(
        "Note",
        "Thank you for using Alpha Vantage! Our standard API call frequency is 5 calls per minute and 500 calls per "
        f"day. Please visit {_PLANS} if you would like to target a higher API call frequency.",
    )


def premium_only() -> Refusal:
    """Returns the answer to a key without a plan that asks for a function of the plans."""
    return Refusal(
        "Information",
        "Thank you for using Alpha Vantage! This is a premium endpoint. You may subscribe to any of the premium plans "
        f"at {_PLANS} to instantly unlock all premium endpoints",
    )


def bad_call(function: str) -> Refusal:
    """Returns the answer to an unknown symbol or a wrong parameter of `function`."""
    return Refusal(
        "Error Message",
        "Invalid API call. Please retry or visit the documentation (https://www.alphavantage.co/documentation/) for "
        f"{function}.",
    )


def no_such_function(function: str) -> Refusal:
    """Returns the answer to a function that the vendor does not have."""
    return Refusal("Error Message", f"This API function ({function}) does not exist.")


def no_articles() -> Refusal:
    """Returns the answer of NEWS_SENTIMENT where nothing was published."""
    return Refusal(
        "Information",
        "No articles found. Please adjust the time range or refer to the API documentation "
        "https://www.alphavantage.co/documentation#newsapi and try again.",
    )


def bad_news_call() -> Refusal:
    """Returns the answer to wrong parameters of NEWS_SENTIMENT."""
    return Refusal(
        "Information",
        "Invalid inputs. Please refer to the API documentation https://www.alphavantage.co/documentation#newsapi and "
        "try again.",
    )
