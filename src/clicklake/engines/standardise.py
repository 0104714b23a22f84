"""Text to typed values: the functions that standardise what sources deliver.

Another engine defines the same functions. What can't be read becomes null; a rule then says why it matters.
"""

from __future__ import annotations

from clicklake.contracts.types import ColumnType

_BLANKS = "e' \\t\\r\\n'"
_ISO = r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.]\d+)?)?( ?(Z|[+-]\d{2}(:?\d{2})?))?)?"
_NUMBER = r"[+-]?(\d+[.]?\d*|[.]\d+)([eE][+-]?\d{1,3})?"

FUNCTIONS = (
    # Trimming copies every text; hardly any has a blank at its edges, and looking is cheap. Blanks and other
    # characters that can't be seen sort before the exclamation mark, and so does the empty text.
    f"""create or replace macro clean_text(t) as
        case when t < '!' or t[-1] < '!' then nullif(trim(t, {_BLANKS}), '') else t end""",
    # The usual spelling is told by its shape. A cast to a timestamp ignores an offset, so that texts with one go
    # through a zoned timestamp.
    f"""create or replace macro iso_timestamp(t) as
        case
            when t like '____-__-__ __:__:__' then try_cast(t as timestamp)
            when not regexp_full_match(t, '{_ISO}') then null
            when strlen(t) > 16 and regexp_matches(t, '[+-][0-9]{{2}}(:?[0-9]{{2}})?$')
                then make_timestamp(epoch_us(try_cast(replace(replace(t, ' +', '+'), ' -', '-') as timestamptz)))
            else try_cast(replace(t, ' Z', 'Z') as timestamp)
        end""",
    f"""create or replace macro is_number(t) as t <> '' and regexp_full_match(t, '{_NUMBER}')""",
    """create or replace macro title_case(t) as
        array_to_string(list_transform(string_split(lower(t), ' '), lambda w: upper(w[1]) || w[2:]), ' ')""",
    # Names as they are compared: without accents, case and punctuation.
    r"""create or replace macro name_key(t) as
        trim(regexp_replace(lower(strip_accents(t)), '[^\p{L}\p{N}]+', ' ', 'g'))""",
    """create or replace macro text_map(t) as
        map_from_entries(list_sort(list_transform(
            json_keys(try_cast(t as json)),
            lambda k: struct_pack(key := k, value := json_extract_string(t, '$."' || replace(k, '"', '\\"') || '"'))
        )))""",
)
"""DuckDB macros, to be created in this order."""


def typed(name: str, column_type: str, *, time_zone: str, formats: tuple[str, ...]) -> str:
    """SQL that reads a cleaned text column as a type.

    Args:
        name: The column, cleaned text.
        column_type: The type, as documents name it.
        time_zone: Of timestamps without an offset.
        formats: Of timestamps that are not ISO 8601, as strptime has them.
    """
    if column_type == "string":
        return name
    if column_type in ("timestamp", "date"):
        text = _timestamp(name, time_zone, formats)
        if column_type == "date" and time_zone != "UTC":
            # A day without a time of day is that day, in whatever zone.
            text = f"case when {name} like '%:%' then {text} else {_timestamp(name, 'UTC', formats)} end"
        return text if column_type == "timestamp" else f"cast({text} as date)"
    if column_type == "map":
        return f"text_map({name})"
    if column_type == "boolean":
        return (
            f"case when lower({name}) in ('true', 't', 'yes', 'y', '1') then true "
            f"when lower({name}) in ('false', 'f', 'no', 'n', '0') then false end"
        )
    return f"case when is_number({name}) then try_cast({name} as {ColumnType(column_type).sql}) end"


def _timestamp(name: str, time_zone: str, formats: tuple[str, ...]) -> str:
    iso = f"iso_timestamp({name})"
    others = ""
    if formats:
        listed = ", ".join("'" + pattern.replace("'", "''") + "'" for pattern in formats)
        # Without a digit it is a word that strptime takes for a time, such as epoch or infinity.
        # A year of two digits would be one of the first century.
        parsed = f"try_strptime({name}, [{listed}])"
        others = f"case when regexp_matches({name}, '[0-9]') and {parsed} >= timestamp '1000-01-01' then {parsed} end"
    if time_zone != "UTC":
        # A text with Z or an offset says its own zone; every other one is in the contract's.
        zone = "'" + time_zone.replace("'", "''") + "'"
        has_zone = f"regexp_matches({name}, '(Z|[T ].*[+-][0-9]{{2}}(:?[0-9]{{2}})?)$')"
        iso = f"case when {has_zone} then {iso} else timezone('UTC', timezone({zone}, {iso})) end"
        others = others and f"timezone('UTC', timezone({zone}, {others}))"
    return f"coalesce({iso}, {others})" if others else iso
