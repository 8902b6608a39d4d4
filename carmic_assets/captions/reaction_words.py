"""Lists words that suggest an emoji reaction, in twelve languages.

The languages are English, German, Spanish, French, Portuguese, Italian, Dutch, Turkish, Russian, Hindi, Japanese and
Chinese. A word is listed only if it has one clear meaning in all of them, because a wrong reaction is worse than none.
"""

from __future__ import annotations

_WORDS_BY_EMOJI: dict[str, str] = {
    "💰": """money cash dollar rich wealth profit revenue income salary million billion millionaire geld reich gewinn
    umsatz dinero rico millón millones argent riche bénéfice dinheiro rico soldi ricco guadagno winst zengin
    деньги богатый पैसा お金 钱""",
    "🔥": "fire burn hot insane feuer brennt fuego fogo fuoco vuur ateş огонь 炎 火",
    "🚀": """rocket launch skyrocket grow growth scale startup rakete wachstum cohete crecimiento fusée croissance
    foguete crescimento razzo crescita groei roket büyüme ракета рост ロケット 火箭""",
    "❤️": """love heart liebe herz amor corazón amour cœur coração amore cuore liefde hart aşk kalp любовь сердце प्यार 愛
    爱""",
    "😂": """funny hilarious joke laugh laughing lustig witz lachen gracioso chiste drôle blague engraçado piada
    divertente barzelletta grappig komik şaka смешно шутка 笑""",
    "😱": """shocking shocked scary terrifying unbelievable horror schock schockiert unglaublich impactante increíble
    choquant incroyable chocante inacreditável incredibile ongelofelijk şok inanılmaz шок невероятно""",
    "🤯": "mind-blowing mindblowing mindblown verrückt alucinante hallucinant çılgın",
    "🎯": "goal target focus ziel objetivo objectif foco obiettivo doel hedef цель 目標 目标",
    "💡": "idea insight tip trick hack idee tipp consejo idée astuce ideia dica consiglio fikir идея совет アイデア",
    "🧠": """brain smart genius intelligent gehirn klug cerebro inteligente cerveau intelligent cérebro cervello
    beyin мозг 脳""",
    "💪": """strong strength power muscle discipline stark stärke kraft fuerte fuerza fort force forte força forza sterk
    güç сила""",
    "🏆": """win winner champion trophy victory gewinnen sieger sieg ganador victoria gagner victoire vencedor vitória
    vittoria winnaar zafer победа 勝利""",
    "🎉": """celebrate congratulations party birthday feiern glückwunsch celebrar felicidades fête félicitations festa
    parabéns feest kutlama праздник""",
    "⏰": "clock deadline alarm wecker pünktlich reloj réveil relógio orologio часы",
    "📈": """stocks invest investment sales increase aktien investieren verkauf inversión ventas investissement ventes
    investimento vendas vendite yatırım продажи""",
    "📉": "crash bankrupt recession pleite krise quiebra faillite falência fallimento iflas кризис",
    "📚": """book study learn school university buch lernen schule libro aprender escuela livre apprendre école livro
    escola imparare scuola boek kitap книга учиться 本""",
    "🎵": "music song sing musik lied música canción musique chanson canção musica canzone muziek müzik музыка 音楽",
    "☕": "coffee kaffee café caffè koffie kahve кофе コーヒー 咖啡",
    "🍕": "pizza",
    "🌍": "planet earth climate welt planet klima mundo planeta monde terre planète mondo wereld dünya мир 世界",
    "📱": "phone smartphone iphone instagram tiktok teléfono téléphone telefone telefono telefoon телефон",
    "💻": """computer laptop software coding programming programmieren computadora ordinador ordinateur computador
    bilgisayar компьютер""",
    "🤖": "robot chatgpt yapay робот",
    "😴": "sleep sleeping tired schlafen müde dormir sueño fatigué cansado dormire stanco slapen uyku спать",
    "😡": "angry furious rage hate wütend hass enojado furioso colère furieux raiva arrabbiato boos kızgın злой",
    "😢": "sad cry crying tears traurig weinen triste llorar pleurer chorar piangere verdrietig üzgün грустно",
    "🙏": """thank thanks grateful pray danke dankbar gracias agradecido merci obrigado grazie dankjewel teşekkürler
    спасибо धन्यवाद ありがとう 谢谢""",
    "👀": "secret geheimnis secreto segredo segreto geheim sır секрет 秘密",
    "⚠️": """warning danger dangerous careful warnung gefahr gefährlich peligro cuidado danger perigo pericolo gevaar
    tehlike опасно""",
    "❌": "mistake wrong fehler falsch error equivocado erreur erro errado errore fout hata ошибка",
    "✅": "correct exactly richtig genau correcto exacto exactement correto esatto juist doğru правильно",
    "🏠": "house home haus zuhause casa maison huis ev дом",
    "🚗": "car drive auto coche voiture carro macchina araba машина",
    "✈️": """travel flight airplane vacation reise urlaub flugzeug viaje avión voyage avion viagem viaggio vliegtuig
    seyahat путешествие""",
    "👶": "baby bebé bébé bebê neonato bebek",
    "🐶": "dog puppy hund perro chien cachorro cane hond köpek собака 犬",
    "🐱": "cat kitten katze gato gatto kat kedi кошка 猫",
    "⚽": "football soccer fußball fútbol futebol calcio voetbal futbol футбол",
    "💎": "diamond luxury diamant luxus diamante lujo luxe luxo lusso elmas",
    "👑": "king queen könig königin rey reina roi rei rainha re regina koning kral король",
    "🌱": "plant nature pflanze natur planta naturaleza plante nature natureza natura bitki природа",
    "☀️": "sun sunny summer sonne sommer sol verano soleil été verão sole estate zon güneş солнце",
}

EMOJI_BY_WORD: dict[str, str] = {
    word.casefold(): emoji for emoji, words in _WORDS_BY_EMOJI.items() for word in words.split()
}
