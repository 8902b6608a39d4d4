"""The auto-director: decides who is shown, when, and through which crop.

It works on numbers only (boxes, turns, cuts): it opens no media and has no access to the database.

`director` is the entry point. `crop_sampling` evaluates the result at any time, `measures` rates it, `override` applies
the client's own shots, `scene_summary` answers the API. These modules load without NumPy; `span_direction` and the
modules below it use it. `direction_plots` draws.
"""
