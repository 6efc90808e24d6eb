"""Files beside the examples, whose rows are joined to them by a key."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from shardline.configs.dialect import Dialect
from shardline.configs.section import Section

Format = Literal["tfrecord", "csv", "parquet"]


def _by_name(columns: Any) -> Any:
    """Lets a list of names stand for columns that keep theirs."""
    if isinstance(columns, list) and all(isinstance(name, str) for name in columns):
        return {name: name for name in columns}
    return columns


class SideFiles(Section):
    """Files with one row for each key, such as items, joined to examples on the left.

    An example whose key no row has is without a value in the joined columns.
    """

    # A pattern of files, below the data's path.
    files: str
    # The column of the examples that holds the key, and that of these files, if it has
    # another name there.
    key: str
    file_key: str | None = None
    # Columns that examples get: their names here, and in the files. A list of names
    # keeps these. Those that nothing reads are not loaded.
    columns: Annotated[dict[str, str], BeforeValidator(_by_name), Field(min_length=1)]
    # How the files are written; each is as `data.files` says unless given.
    format: Format | None = None
    dialect: Dialect | None = None
    list_separator: str | None = None
    list_strip: bool | None = None

    @model_validator(mode="after")
    def _columns_fit(self) -> "SideFiles":
        if self.key in self.columns:
            raise PydanticCustomError(
                "key",
                "`columns` has the key `{key}`, which examples have already",
                {"key": self.key},
            )
        there = list(self.columns.values())
        twice = [name for name in there if there.count(name) > 1]
        if twice:
            raise PydanticCustomError(
                "twice",
                "`columns` gives column `{name}` of the files two names",
                {"name": twice[0]},
            )
        return self

    @property
    def key_in_files(self) -> str:
        """The column of the files that holds the key."""
        return self.file_key or self.key
