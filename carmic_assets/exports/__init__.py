"""Project packages for Premiere Pro, DaVinci Resolve, Final Cut Pro and After Effects, from the edit that is rendered.

`timeline` says once what is where; `xmeml`, `fcpxml`, `otio` and `after_effects` only write it down; `footage` cuts the
media; `package` makes the zip. Nothing here decides a crop, draws a picture, or knows Dagster or the database.
"""
