"""The Airflow UI in a headless browser, used as a person would."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from marketpulse_stack import credentials
from marketpulse_stack.airflow_api import USER
from marketpulse_stack.settings import Settings
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support import expected_conditions as expected
from selenium.webdriver.support.wait import WebDriverWait

from tests.running_stack import wait_until

SECONDS = 60
# As root there is no sandbox; without the others Chromium looks for its makers' servers.
OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1400,1800",
)


@contextmanager
def airflow_page(settings: Settings, profile: Path) -> Iterator[AirflowPage]:
    """A browser with its own profile folder, signed in to the Airflow of a stack."""
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for option in (*OPTIONS, f"--user-data-dir={profile}"):
        options.add_argument(option)
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
    try:
        page = AirflowPage(browser, f"http://127.0.0.1:{settings.ports.airflow}")
        page.sign_in(USER, credentials.secret(settings, "airflow_admin_password"))
        yield page
    finally:
        browser.quit()


class AirflowPage:
    """What a person does there.

    Args:
        browser: Where.
        url: Of Airflow.
    """

    def __init__(self, browser: webdriver.Chrome, url: str) -> None:
        self._browser = browser
        self._url = url
        self._wait = WebDriverWait(browser, SECONDS)

    def sign_in(self, user: str, password: str) -> None:
        """Fills in the login form."""
        self._browser.get(self._url)
        self._present(By.NAME, "username").send_keys(user)
        self._present(By.NAME, "password").send_keys(password, Keys.ENTER)
        self._wait.until(expected.none_of(expected.url_contains("/auth/login")))

    def start_backfill(self, dag_id: str, *, first: str, last: str, symbols: Sequence[str]) -> None:
        """Trigger, Backfill, the range of days (YYYY/MM/DD), the symbols, Run Backfill."""
        self._browser.get(f"{self._url}/dags/{dag_id}")
        self._clickable(By.CSS_SELECTOR, "[data-testid=trigger-dag-button]").click()
        self._clickable(By.XPATH, "//*[text()='Backfill']").click()
        for position, day in enumerate((first, last)):
            self._pick(position, day)
        # Airflow's form sends parameters only with this ticked, and takes a field's value when the field is left.
        self._clickable(By.XPATH, "//*[text()='Override parameters on existing runs']").click()
        self._type(By.NAME, "element_symbols", symbols)
        self._clickable(By.XPATH, "//*[text()='Date Range']").click()
        self._clickable(By.XPATH, "//button[normalize-space()='Run Backfill']").click()
        self._wait.until(expected.invisibility_of_element_located((By.NAME, "element_symbols")))

    def open_page(self, name: str) -> None:
        """Follows a link of the navigation's Browse to a page of ours, which the UI shows in a frame."""
        self._browser.get(self._url)
        self._clickable(By.CSS_SELECTOR, "button[aria-label=Browse]").click()
        self._clickable(By.XPATH, f"//*[@role='menuitem'][normalize-space()='{name}']").click()
        self._wait.until(expected.frame_to_be_available_and_switch_to_it((By.TAG_NAME, "iframe")))

    def follow(self, link: str) -> None:
        """Follows a link of the page."""
        self._clickable(By.PARTIAL_LINK_TEXT, link).click()

    def press(self, button: str) -> None:
        """Presses a button of the page."""
        self._clickable(By.XPATH, f"//button[normalize-space()='{button}']").click()

    def edit(self, label: str, old: str, new: str) -> None:
        """Replaces a part of a labelled field's text."""
        field = self._clickable(By.XPATH, f"//*[@id=//label[normalize-space()='{label}']/@for]")
        text = field.get_property("value")
        assert isinstance(text, str)
        assert old in text
        field.clear()
        field.send_keys(text.replace(old, new))

    def wait_for_text(self, text: str) -> None:
        """Waits until the page says so."""
        self._wait.until(expected.text_to_be_present_in_element((By.TAG_NAME, "body"), text))

    def _pick(self, position: int, day: str) -> None:
        self._present(By.CSS_SELECTOR, "[data-testid=datetime-input]")
        self._browser.find_elements(By.CSS_SELECTOR, "[data-testid=datetime-input]")[position].click()
        place = (By.CSS_SELECTOR, "input[placeholder='YYYY/MM/DD']")
        # Its time becomes 00:00. A click beside the calendar closes it.
        self._clickable(*place).send_keys(day)
        self._clickable(By.XPATH, "//*[text()='Date Range']").click()
        self._wait.until(expected.invisibility_of_element_located(place))

    def _type(self, by: str, place: str, lines: Sequence[str]) -> None:
        """Types lines one by one: the page loses keys of a text that comes faster than a person types."""
        field = self._clickable(by, place)
        for number, line in enumerate(lines, start=1):
            field.send_keys(line if number == 1 else f"\n{line}")
            typed = "\n".join(lines[:number])
            wait_until(partial(_has_value, field, typed), seconds=SECONDS, what=f"{line} is in the form")

    def _present(self, by: str, place: str) -> WebElement:
        return self._wait.until(expected.presence_of_element_located((by, place)))

    def _clickable(self, by: str, place: str) -> WebElement:
        return self._wait.until(expected.element_to_be_clickable((by, place)))


def _has_value(field: WebElement, value: str) -> bool:
    return field.get_property("value") == value
