"""What can go wrong with a study, each with a message that says what to do."""


class StudyError(Exception):
    """Base of the errors of studies."""


class SpecError(StudyError, ValueError):
    """The description of a study is wrong; the message names the key and, where it came from a text, the line."""


class StoreError(StudyError, RuntimeError):
    """A results folder cannot be used or written; nothing under a final name is lost or half written."""


class ChangedStudyError(StoreError):
    """A results folder belongs to another study; the message names the fields that differ."""


class FolderInUseError(StoreError):
    """Another run works on the results folder."""
