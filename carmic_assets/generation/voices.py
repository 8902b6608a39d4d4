"""The 54 voices of Kokoro: their languages, and the default voice of each language. Only data.

Source: VOICES.md of Kokoro-82M. The first letter of a name is its language, the second its gender.
"""

from __future__ import annotations

import msgspec

LANGUAGE_BY_LETTER = {
    "a": "en-us", "b": "en-gb", "e": "es", "f": "fr", "h": "hi", "i": "it", "j": "ja", "p": "pt-br", "z": "zh",
}  # fmt: skip
KOKORO_VOICES: tuple[str, ...] = (
    "af_heart", "af_alloy", "af_aoede", "af_bella", "af_jessica", "af_kore", "af_nicole", "af_nova", "af_river",
    "af_sarah", "af_sky", "am_adam", "am_echo", "am_eric", "am_fenrir", "am_liam", "am_michael", "am_onyx", "am_puck",
    "am_santa", "bf_alice", "bf_emma", "bf_isabella", "bf_lily", "bm_daniel", "bm_fable", "bm_george", "bm_lewis",
    "ef_dora", "em_alex", "em_santa", "ff_siwis", "hf_alpha", "hf_beta", "hm_omega", "hm_psi", "if_sara", "im_nicola",
    "jf_alpha", "jf_gongitsune", "jf_nezumi", "jf_tebukuro", "jm_kumo", "pf_dora", "pm_alex", "pm_santa",
    "zf_xiaobei", "zf_xiaoni", "zf_xiaoxiao", "zf_xiaoyi", "zm_yunjian", "zm_yunxi", "zm_yunxia", "zm_yunyang",
)  # fmt: skip
DEFAULT_VOICES = {
    "en": "af_heart", "en-us": "af_heart", "en-gb": "bf_emma", "es": "ef_dora", "fr": "ff_siwis", "hi": "hf_alpha",
    "it": "if_sara", "pt": "pf_dora", "pt-br": "pf_dora", "ja": "jf_alpha", "zh": "zf_xiaoxiao",
}  # fmt: skip
# Languages whose text can be turned into phonemes without a further package
SPOKEN_LANGUAGES = ("en", "es", "fr", "hi", "it", "pt")


class Voice(msgspec.Struct, frozen=True):
    """A voice. `language` is a lower-case BCP 47 tag, such as en-us."""

    id: str
    language: str
    gender: str

    @property
    def name(self) -> str:
        """The name without the prefix of language and gender."""
        return self.id.partition("_")[2].capitalize()


def list_voices() -> tuple[Voice, ...]:
    """Return all voices, those of one language together."""
    genders = {"f": "female", "m": "male"}
    return tuple(Voice(name, LANGUAGE_BY_LETTER[name[0]], genders[name[1]]) for name in KOKORO_VOICES)


def find_voice_problem(voice_id: str | None, language: str) -> str | None:
    """Return a sentence if Kokoro cannot speak the language, or the voice is not one of that language."""
    language = language.lower()
    if language not in DEFAULT_VOICES or language.partition("-")[0] not in SPOKEN_LANGUAGES:
        return f"`language` must be one of {', '.join(SPOKEN_LANGUAGES)} for the model kokoro, not {language}."
    if voice_id is None:
        return None
    voice = next((voice for voice in list_voices() if voice.id == voice_id), None)
    if voice is None:
        return "`voiceId` is no voice of the model kokoro. `GET /api/voices` lists them."
    spoken = voice.language.partition("-")[0]
    if spoken != language.partition("-")[0]:
        return f"`voiceId` {voice_id} speaks {spoken}, not {language}. Choose another voice, or leave it out."
    return None


def choose_voice(voice_id: str | None, language: str) -> str:
    """Return the voice to speak with: the one that is named, or the language's default."""
    return voice_id or DEFAULT_VOICES[language.lower()]
