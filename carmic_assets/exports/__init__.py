"""Writes export packages for Premiere Pro, DaVinci Resolve, Final Cut Pro and After Effects from an `Edit`.

`nle_timeline` describes the sequence once. `xmeml`, `fcpxml`, `otio` and `after_effects` write it in the formats of the
programs, `package_media` cuts the media, and `package` writes the zip. The crops come from the edit's shots. No module
here imports Dagster or the database.
"""
