"""Keep one comment on a pull request up to date: found again by a hidden marker, written anew at every run.

    python ci/sticky_comment.py NUMBER BODY.md --marker closed-loop

Reads GITHUB_TOKEN, GITHUB_REPOSITORY and GITHUB_API_URL, as GitHub Actions sets them. Needs no more than
Python. A token that may not write (pull requests of forks) is no failure: the job summary says the same.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

LONGEST = 65_000
"""GitHub refuses comments above 65,536 characters."""

PER_PAGE = 100
TIMEOUT_S = 30.0


class Api:
    """GitHub's REST interface, as far as comments need it."""

    def __init__(self, base_url: str, token: str) -> None:
        if not base_url.startswith(("https://", "http://")):
            raise ValueError(f"GITHUB_API_URL is {base_url!r}, which is no web address")
        self._base_url = base_url.rstrip("/")
        self._token = token

    def call(self, method: str, path: str, content: object = None) -> Any:
        """Send a request and return the JSON of its answer.

        Raises:
            urllib.error.URLError: it was refused, or nobody answered.
        """
        request = urllib.request.Request(  # noqa: S310 - the scheme was checked
            self._base_url + path,
            method=method,
            data=None if content is None else json.dumps(content).encode(),
            headers={
                "Authorization": f"Bearer {self._token}",
                "Accept": "application/vnd.github+json",
                "Content-Type": "application/json",
                "X-GitHub-Api-Version": "2022-11-28",
            },
        )
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            return json.load(answer)


def upsert(api: Api, repository: str, number: int, marker: str, body: str) -> str:
    """Write the comment, or write it anew; returns its address.

    Only a bot's comment is taken for ours: anybody can put a marker into a comment of their own.
    """
    hidden = f"<!-- drivegate:{marker} -->"
    text = f"{hidden}\n{body}"
    if len(text) > LONGEST:
        text = text[:LONGEST] + "\n\n(cut; the whole text is in the job summary)"
    issue = f"/repos/{repository}/issues/{number}/comments"
    page = 1
    while True:
        comments = api.call("GET", f"{issue}?per_page={PER_PAGE}&page={page}")
        for comment in comments:
            if comment["user"]["type"] == "Bot" and comment["body"].startswith(hidden):
                path = f"/repos/{repository}/issues/comments/{comment['id']}"
                return str(api.call("PATCH", path, {"body": text})["html_url"])
        if len(comments) < PER_PAGE:
            return str(api.call("POST", issue, {"body": text})["html_url"])
        page += 1


def main() -> int:
    """Run; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("number", type=int, help="of the pull request")
    parser.add_argument("body", type=Path, help="Markdown file")
    parser.add_argument("--marker", default="drivegate", help="tells comments of several workflows apart")
    options = parser.parse_args()
    api = Api(os.environ.get("GITHUB_API_URL", "https://api.github.com"), os.environ["GITHUB_TOKEN"])
    try:
        where = upsert(
            api, os.environ["GITHUB_REPOSITORY"], options.number, options.marker, options.body.read_text()
        )
    except urllib.error.HTTPError as error:
        if error.code not in (401, 403, 404):
            raise
        print(f"::warning::The verdict could not be written as a comment ({error}); see the job summary.")
        return 0
    print(f"Comment: {where}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
