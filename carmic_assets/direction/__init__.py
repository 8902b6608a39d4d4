"""The auto-director: who is shown, when, and through which crop. Pure: it sees numbers only, never a picture.

`director` decides, `sample` evaluates (the single truth about where a crop is), `measures` judges, `override` honours
what a person set by hand, `pictures` draws. Nothing here opens media or knows the database.
"""
