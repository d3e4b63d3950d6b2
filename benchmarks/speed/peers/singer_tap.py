"""A Singer tap for the work: `python singer_tap.py --config FILE` writes its messages to stdout.

The configuration names the server, and the companies and days to ask for. Each setting has its
reason in docs/benchmarks.md.
"""

from typing import Any, ClassVar

from singer_sdk import RESTStream, Stream, Tap
from singer_sdk import typing as th


class StatisticsStream(RESTStream[Any]):
    """Stream with one partition for each company and day; the SDK requests one after the other."""

    name = "statistics"
    path = "/campaigns/api/v1/company/{company_id}/statistics"
    records_jsonpath = "$.data"
    primary_keys: ClassVar[tuple[str, ...]] = ("company_id", "day")
    schema = th.PropertiesList(
        th.Property("company_id", th.StringType),
        th.Property("day", th.DateType),
        *(
            th.Property(name, th.IntegerType)
            for name in ("total", "sended", "pending", "fails", "campaign")
        ),
        th.Property("actions", th.ObjectType(additional_properties=th.IntegerType)),
    ).to_dict()
    state_partitioning_keys: ClassVar[list[str]] = []

    @property
    def url_base(self) -> str:
        """The server's address."""
        return str(self.config["base_url"])

    @property
    def http_headers(self) -> dict[str, str]:
        """The headers that the API requires."""
        return {"Authorization": "Bearer bench"}

    @property
    def partitions(self) -> list[dict[str, Any]]:
        """One for each request."""
        return [
            {"company_id": company, "day": day}
            for day in self.config["days"]
            for company in self.config["companies"]
        ]

    def post_process(self, row: dict[str, Any], context: Any = None) -> dict[str, Any]:  # noqa: ANN401
        """Add the key, which the API does not repeat in its answers."""
        return {**context, **row}

    def get_url_params(self, context: Any, next_page_token: Any) -> dict[str, Any]:  # noqa: ANN401, ARG002
        """Return the window of the partition."""
        return {"from_date": context["day"], "until_date": context["day"]}


class StatisticsTap(Tap):
    """A tap with this one stream."""

    name = "tap-statistics"
    config_jsonschema = th.PropertiesList(
        th.Property("base_url", th.StringType, required=True),
        th.Property("companies", th.ArrayType(th.StringType), required=True),
        th.Property("days", th.ArrayType(th.StringType), required=True),
    ).to_dict()

    def discover_streams(self) -> list[Stream]:
        """Return the stream."""
        return [StatisticsStream(tap=self)]


if __name__ == "__main__":
    StatisticsTap.cli()
