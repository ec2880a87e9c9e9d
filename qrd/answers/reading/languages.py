"""The words of other languages that tell where an answer stands and what becomes of it; data, one entry a language.

Only what announces, denies, doubts, joins or takes back an answer is here, and the words that are one (yes, false,
neutral). A word that means something else in another language here is left out, unless only an answer can stand there.
"""

from __future__ import annotations

from typing import NamedTuple


class Language(NamedTuple):
    """Patterns of one language, without boundaries for a script that puts no blanks between words.

    `marks` are what a text holds, in lower case, where an answer may be announced in it ("_" for a blank). `answer` and
    `statement` are nouns, `verb` what may follow them, `no` a "not" that follows the verb (or stands between noun and
    verb, where it unsays the announcement), `condition` what stands before a noun that is only supposed, `either` and
    `both` join two answers, `option` names the letter that follows, `choose` is a verb that a letter follows, `right`
    calls the letter before it the answer, `wrong` takes an answer back, `tail` closes a sentence behind an answer and
    means nothing, `not_so` and `if_so` close it and mean "is not" and "if it is".
    """

    marks: str
    answer: str
    verb: str
    no: str
    condition: str
    either: str
    both: str
    option: str
    wrong: str
    statement: str = r"(?!)"
    choose: str = r"(?!)"
    right: str = r"(?!)"
    tail: str = r"(?!)"
    not_so: str = r"(?!)"
    if_so: str = r"(?!)"


GERMAN = Language(
    marks="antwort lösung loesung ergebnis wähle nehme richtig korrekt",
    answer=r"(?:richtige|korrekte|beste)\s+(?:option|wahl|auswahl)|antwort(?:option|möglichkeit)?|lösung|loesung|ergebnis|endergebnis",
    verb=r"ist|lautet|heißt|bleibt|wäre|sei",
    no=r"nicht|kein|keine|niemals|weder",
    condition=r"wenn|falls|sofern|ob|angenommen|nehmen\s+wir\s+an|bezweifle|glaube\s+nicht|denke\s+nicht",
    either=r"oder|beziehungsweise|bzw\.?",
    both=r"und|sowie",
    option=r"(?:die\s+)?(?:option|antwort|möglichkeit|auswahl|buchstabe|nummer)",
    wrong=r"(?:das|dies|diese\s+antwort)\s+(?:ist|war|wäre)\s+(?:\w+\s+)?"
    r"(?:falsch|unrichtig|inkorrekt|nicht\s+(?:richtig|korrekt|wahr)|ein\s+(?:fehler|irrtum))|ich\s+(?:habe\s+mich\s+geirrt|irre\s+mich)",
    statement=r"aussage|behauptung|hypothese|feststellung",
    choose=r"ich\s+(?:wähle|nehme)",
    right=r"ist\s+(?:\w+\s+)?(?:richtig|korrekt|die\s+(?:richtige|korrekte|beste)\s+(?:antwort|option|lösung|wahl))",
)
DUTCH = Language(
    marks="antwoord oplossing",
    answer=r"antwoord|oplossing",
    verb=r"is|luidt|blijft",
    no=r"niet|geen|noch",
    condition=r"als|indien|of|stel\s+dat|tenzij",
    either=r"of|ofwel",
    both=r"en",
    option=r"(?:de\s+)?(?:optie|keuze|letter)",
    wrong=r"(?:dat|dit|dit\s+antwoord)\s+(?:is|was)\s+(?:\w+\s+)?(?:fout|onjuist|verkeerd|niet\s+(?:juist|correct|waar|goed))",
    statement=r"stelling|bewering|uitspraak",
)
SPANISH = Language(
    marks="respuesta solución resultado elijo escojo selecciono correcta",
    answer=r"opción\s+correcta|alternativa\s+correcta|respuesta|solución|resultado",
    verb=r"es|son|será|sería|está",
    no=r"no|ni|nunca|tampoco",
    condition=r"si|cuando|suponiendo\s+que|supongamos\s+que|a\s+menos\s+que|dud\w+\s+que|no\s+(?:creo|pienso)\s+que|algunos\s+\w+\s+que",
    either=r"o|u",
    both=r"y|e",
    option=r"(?:la\s+)?(?:opción|opcion|letra|alternativa)",
    wrong=r"(?:(?:eso|esto|ello|esa\s+respuesta|esta\s+respuesta)\s+|(?<=[.!?]\s))(?:es|está|era)\s+(?:\w+mente\s+)?"
    r"(?:incorrect[oa]|falso|un\s+error|equivocad[oa])|(?<=[.!?]\s)no\s+es\s+(?:correct[oa]|ciert[oa]|verdad)|me\s+(?:equivoqué|he\s+equivocado)",
    statement=r"afirmación|declaración|enunciado|aseveración|hipótesis",
    choose=r"(?:yo\s+)?(?:elijo|escojo|selecciono)",
    right=r"es\s+(?:la\s+)?(?:(?:respuesta|opción)\s+)?(?:correcta|la\s+respuesta)",
)
PORTUGUESE = Language(
    marks="resposta solução gabarito escolho seleciono correta",
    answer=r"(?:opção|alternativa)\s+correta|resposta|solução|gabarito",
    verb=r"é|são|será|seria|está",
    no=r"não|nem|nunca",
    condition=r"se|quando|supondo\s+que|suponha\s+que|a\s+menos\s+que|duvido\s+que|não\s+(?:acho|creio)\s+que",
    either=r"ou",
    both=r"e",
    option=r"(?:a\s+)?(?:opção|letra|alternativa)",
    wrong=r"(?:(?:isso|isto|essa\s+resposta|esta\s+resposta)\s+)(?:é|está|era|estava)\s+(?:incorret[oa]|fals[oa]|errad[oa]|um\s+erro)"
    r"|(?<=[.!?]\s)não\s+(?:é|está)\s+(?:corret[oa]|cert[oa]|verdade)",
    statement=r"afirmação|declaração|enunciado|hipótese",
    choose=r"(?:eu\s+)?(?:escolho|seleciono)",
    right=r"(?:é|está)\s+(?:a\s+)?(?:(?:resposta|opção|alternativa)\s+)?(?:correta|certa)",
)
FRENCH = Language(
    marks="réponse reponse résultat solution choisis sélectionne",
    answer=r"(?:bonne|meilleure)\s+option|option\s+correcte|réponses?|reponse|résultat|solution",
    verb=r"est|sont|sera|serait|reste",
    no=r"pas|non|ni|jamais",
    condition=r"si|quand|lorsque|supposons\s+que|à\s+moins\s+que|doute\s+que|(?:crois|pense)\s+pas\s+que",
    either=r"ou|soit",
    both=r"et",
    option=r"(?:l['’]|la\s+)?(?:option|lettre|proposition|choix)",
    wrong=r"(?:c['’]est|cela\s+est|ceci\s+est|cette\s+réponse\s+est|c['’]était)\s+(?:\w+ment\s+)?(?:faux|fausse|incorrecte?|inexacte?|erronée?|une\s+erreur)"
    r"|ce\s+n['’]est\s+pas\s+(?:correct|vrai|exact|juste|la\s+bonne\s+réponse)|je\s+me\s+suis\s+trompée?",
    statement=r"affirmation|énoncé|déclaration|hypothèse|assertion",
    choose=r"je\s+(?:choisis|sélectionne)",
    right=r"est\s+(?:la\s+)?(?:(?:bonne|meilleure)\s+(?:réponse|option)|(?:réponse\s+)?correcte?|juste)",
)
ITALIAN = Language(
    marks="risposta soluzione risultato scelgo corretta giusta",
    answer=r"opzione\s+corretta|risposta|soluzione|risultato",
    verb=r"è|e['’]|sono|sarà|sarebbe",
    no=r"non|né|mai",
    condition=r"se|quando|supponendo\s+che|supponiamo\s+che|a\s+meno\s+che|dubito\s+che|non\s+(?:credo|penso)\s+che",
    either=r"o|oppure",
    both=r"e|ed",
    option=r"(?:l['’]|la\s+)?(?:opzione|lettera|alternativa)",
    wrong=r"(?:questo|quello|ciò|questa\s+risposta)\s+(?:è|era)\s+(?:sbagliat[oa]|errat[oa]|fals[oa]|scorrett[oa]|un\s+errore)"
    r"|(?<=[.!?]\s)non\s+è\s+(?:corrett[oa]|giust[oa]|ver[oa])|mi\s+sono\s+sbagliat[oa]",
    statement=r"affermazione|dichiarazione|enunciato|ipotesi",
    choose=r"(?:io\s+)?(?:scelgo|seleziono)",
    right=r"è\s+(?:la\s+)?(?:(?:risposta|opzione)\s+)?(?:corretta|giusta)",
)
POLISH = Language(
    marks="odpowied rozwiązanie wynik",
    answer=r"odpowied[zź](?:ią)?|rozwiązanie|wynik",
    verb=r"to|jest|brzmi|będzie",
    no=r"nie|ani|nigdy",
    condition=r"jeśli|jeżeli|gdyby|gdy|czy|załóżmy,?\s+że|wątpię,?\s+że",
    either=r"lub|albo|czy",
    both=r"i|oraz",
    option=r"opcja|litera|wariant",
    wrong=r"to\s+(?:jest\s+)?(?:błąd|błędne|błędna\s+odpowiedź|nieprawda|nieprawidłow\w+|źle)|to\s+nie\s+jest\s+(?:prawda|poprawne|prawidłowe)",
    statement=r"stwierdzenie|zdanie|twierdzenie|hipoteza",
)
RUSSIAN = Language(
    marks="ответ решение выбираю правильн верн",
    answer=r"(?:правильный|верный)\s+вариант|ответ(?:ом)?|решение",
    verb=r"это|является|будет|равен|[-–—]",
    no=r"не|ни|никогда",
    condition=r"если|когда|предположим,?\s+что|допустим,?\s+что|ли|сомневаюсь,?\s+что|не\s+(?:думаю|считаю),?\s+что",
    either=r"или|либо",
    both=r"и",
    option=r"(?:вариант|буква|пункт|опция)",
    wrong=r"(?:это|этот\s+ответ)\s*[-–—]?\s*(?:неверно|неверный|неправильно|неправильный|ошибочно|ошибка|ложь|не\s+(?:так|верно|правильно))|я\s+ошибся|я\s+ошиблась",
    statement=r"утверждение|высказывание|гипотеза|заявление",
    choose=r"(?:я\s+)?выбираю",
    right=r"[-–—\s]\s?(?:это\s+)?(?:правильный\s+ответ|верный\s+ответ|верно|правильно)",
)
UKRAINIAN = Language(
    marks="відповід",
    answer=r"відповідь|відповіддю",
    verb=r"це|є|буде|[-–—]",
    no=r"не|ні",
    condition=r"якщо|коли|припустимо,?\s+що|чи",
    either=r"або|чи",
    both=r"і|та|й",
    option=r"(?:варіант|літера)",
    wrong=r"(?:це|ця\s+відповідь)\s*[-–—]?\s*(?:неправильно|невірно|помилка|хибно)",
    statement=r"твердження",
)
SCANDINAVIAN = Language(
    marks="svar lösningen løsningen",
    answer=r"svaret|svar|lösningen|løsningen",
    verb=r"är|er|blir|bliver",
    no=r"inte|ikke|ej",
    condition=r"om|hvis|ifall|dersom",
    either=r"eller",
    both=r"och|og",
    option=r"(?:alternativ|val|mulighed|bokstav)",
    wrong=r"(?:det|detta|dette)\s+(?:är|er|var)\s+(?:fel|felaktigt|galt|forkert|feil|inte\s+(?:rätt|sant)|ikke\s+(?:rigtigt|riktig|sandt))",
    statement=r"påståendet|påstanden|udsagnet",
)
TURKISH = Language(
    marks="cevap cevab yanıt sonuç",
    answer=r"cevap|cevabı|yanıt|yanıtı|sonuç",
    verb=r"olarak|olacak(?:tır)?",
    no=r"değil(?:dir)?",
    condition=r"eğer|şayet",
    either=r"veya|ya\s+da|yahut",
    both=r"ve|ile",
    option=r"(?:seçenek|şık)",
    wrong=r"bu\s+(?:cevap\s+)?(?:yanlış|hatalı|doğru\s+değil)(?:tır|dır|dir)?",
    statement=r"ifade|önerme|iddia",
    tail=r"['’]?(?:[dt][ıiuü]r)\b|\s(?:seçeneğidir|şıkkıdır|seçeneği|şıkkı)",
    not_so=r"\s+değil(?:dir)?\b",
    if_so=r"['’]?\s?(?:ise|yse|sa|se)\b",
)
INDONESIAN = Language(
    marks="jawaban",
    answer=r"jawaban(?:nya)?",
    verb=r"adalah|ialah|yaitu",
    no=r"bukan(?:lah)?|tidak",
    condition=r"jika|kalau|apabila|bila|seandainya",
    either=r"atau",
    both=r"dan",
    option=r"(?:opsi|pilihan|huruf)",
    wrong=r"(?:itu|ini|jawaban\s+(?:itu|ini))\s+(?:salah|keliru|tidak\s+benar)",
    statement=r"pernyataan",
)
VIETNAMESE = Language(
    marks="đáp_án trả_lời",
    answer=r"đáp\s+án|câu\s+trả\s+lời|trả\s+lời",
    verb=r"là",
    no=r"không(?:\s+phải(?:\s+là)?)?",
    condition=r"nếu|giả\s+sử",
    either=r"hoặc|hay",
    both=r"và",
    option=r"(?:lựa\s+chọn|phương\s+án|đáp\s+án)",
    wrong=r"(?:điều\s+này|điều\s+đó|đáp\s+án\s+này)\s+(?:là\s+)?(?:sai|không\s+đúng)",
    statement=r"phát\s+biểu|khẳng\s+định",
)
ARABIC = Language(
    marks="جابة جواب پاسخ",
    answer=r"ال[إا]جابة|الجواب|[إا]جابة|جواب|پاسخ",
    verb=r"هي|هو|هى|است",
    no=r"ليست|ليس|لا|غير",
    condition=r"إذا|اذا|لو|إن|اگر",
    either=r"أو|او|یا",
    both=r"و",
    option=r"(?:الخيار|الحرف|گزینه)",
    wrong=r"(?:هذا|هذه|ذلك)\s+(?:ال\w+\s+)?(?:خطأ|خاطئة?|غير\s+صحيحة?)",
    statement=r"العبارة|الادعاء|الجملة",
    tail=r"\s+است\b",
    not_so=r"\s+(?:نیست|خطأ|خاطئة?|غير\s+صحيحة?)",
)
HINDI = Language(
    marks="उत्तर जवाब",
    answer=r"उत्तर|जवाब",
    verb=r"है|हैं",
    no=r"नहीं",
    condition=r"यदि|अगर",
    either=r"या|अथवा",
    both=r"और",
    option=r"विकल्प",
    wrong=r"(?:यह|वह)\s+(?:उत्तर\s+)?(?:गलत|ग़लत|सही\s+नहीं)",
    statement=r"कथन",
    tail=r"\s+(?:है|हैं|होगा)(?!\w)",
    not_so=r"\s+(?:नहीं|गलत|ग़लत)(?:\s+(?:है|हैं))?(?!\w)",
    if_so=r"\s+(?:है|हो)\s+तो(?!\w)",
)
OTHERS = Language(  # Czech, Romanian, Hungarian, Finnish, Greek, Thai, Hebrew, Bengali
    marks="odpověď odpovědi răspuns válasz vastaus απάντηση คำตอบ תשובה উত্তর",
    answer=r"odpověď|odpovědí|răspunsul|răspuns|válasz|vastaus|απάντηση|คำตอบ(?:ที่ถูกต้อง)?(?:คือ)?|ה?תשובה(?:\s+הנכונה)?|উত্তর",
    verb=r"je|zní|este|e|on|είναι|คือ|היא|הוא|হলো|হল|az?",
    no=r"není|ne|nu|nem|ei|δεν|όχι|ไม่ใช่|לא|אינה|না",
    condition=r"pokud|jestli|kdyby|dacă|ha|jos|αν|εάν|ถ้า|אם|যদি",
    either=r"nebo|sau|vagy|tai|ή|หรือ|או|বা",
    both=r"a|și|és|ja|και|และ|ו|এবং",
    option=r"(?:možnost|varianta|opțiunea|opció|vaihtoehto|επιλογή|ข้อ|אפשרות)",
    wrong=r"to\s+je\s+(?:špatně|chyba|nesprávně)|(?:aceasta|asta)\s+este\s+(?:greșit|incorect)|ez\s+(?:hibás|helytelen|téves)"
    r"|se\s+on\s+väärin|αυτό\s+είναι\s+λάθος|זה\s+(?:שגוי|לא\s+נכון)",
    tail=r"\s+হল(?!\w)",
    not_so=r"\s+নয়(?!\w)",
)
CHINESE = Language(
    marks="答 选 選 正确 关系 结论 标签",
    answer=r"正确的?选项|最佳选项|正确的(?=是)|关系|结论|标签|答案|答",
    verb=r"(?:应该|应当|应|就|只能|一定|必然|当然|便|将)?(?:是|为|為|选择|选|選)",
    no=r"不(?!是|对|正确)|不是|并非|非|没|可能|也许|或许|未必",
    condition=r"并非|如果|若|假如|假设|倘若|要是|认为|以为|是否|难道|即使|既然不|除非",
    either=r"或者?是?|还是|抑或",
    both=r"和|与|及|以及|跟",
    option=r"(?:选项|第)",
    wrong=r"(?:(?:这|那|此|该|上述|上面的?)(?:个)?(?:答案)?(?:是|显然)?|(?<=[.,!?]\s))(?:不对|错误的|错了|不正确|有误|是错的|错的)",
    statement=r"说法|陈述|命题|论断|论述|假设|这句话|该句|断言",
    tail=r"\s?(?:选项|项)",
    not_so=r"(?<=[A-Za-z0-9)\"”])\s?(?:选项|项)?(?:是错误?的|是不对的|是不正确的|不对|不正确|错误|是否|吗)",
    if_so=r"的话",
    choose=r"(?<![不没别勿未以可])(?:故|应|應|因此|所以|我)?(?:选择?|選擇?)",
    right=r"\s?(?:选项|项)?(?:是|为)?(?:正确|对的|最佳)(?:答案|选项)?",
)
JAPANESE = Language(
    marks="答 正解 正し",
    answer=r"答え|解答|回答|正解|最終回答",
    verb=r"は|が",
    no=r"ではなく",
    condition=r"もし|仮に",
    either=r"または|もしくは|あるいは|か",
    both=r"と|および",
    option=r"(?:選択肢|番号)",
    wrong=r"(?:これ|それ|この答え|その答え)は(?:間違い|間違って|誤り|誤って|正しく(?:ない|ありません))",
    statement=r"記述|主張|仮説|この文",
    tail=r"\s?(?:です|である|だ|となります|となる|になります)(?![\u3041-\u30ff\u4e00-\u9fff])",
    not_so=r"\s?(?:では|じゃ)(?:ない|ありません|なく)",
    if_so=r"\s?(?:なら|ならば|であれば|だとすると|だとしたら|とすると|かもしれ)",
    right=r"\s?が(?:正解|正しい|答え)",
)
KOREAN = Language(
    marks="답 맞",
    answer=r"정답|답변|답",
    verb=r"은|는|이",
    no=r"아니라|아닌",
    condition=r"만약|만일|혹시",
    either=r"또는|혹은|이나|나",
    both=r"와|과|및",
    option=r"(?:보기|선택지|옵션)",
    wrong=r"(?:이것|그것|이|그)(?:은|는|\s+답은)?\s?(?:틀렸|틀린|잘못|오답)",
    statement=r"진술|주장|명제|가설",
    tail=r"\s?(?:입니다|이다|이에요|예요|번입니다)(?![\uac00-\ud7a3])",
    not_so=r"\s?(?:이|가|은|는)?\s?(?:아니|아닙)[가-힣]*",
    if_so=r"\s?(?:이?라면|이?면)(?![\uac00-\ud7a3])",
    right=r"\s?(?:이|가)\s?(?:정답|맞)",
)
SPACED = (GERMAN, DUTCH, SPANISH, PORTUGUESE, FRENCH, ITALIAN, POLISH, RUSSIAN, UKRAINIAN, SCANDINAVIAN)
SPACED += (TURKISH, INDONESIAN, VIETNAMESE, ARABIC, HINDI, OTHERS)
UNSPACED = (CHINESE, JAPANESE, KOREAN)

# Words that are an answer: they stand at the head of an announced answer, or alone on a line.
LABELS = {
    "yes": "ja jawohl oui sí sì si sim да так tak ano evet ya igen kyllä có نعم بله हाँ हां हा 是 是的 对"
    " 對 肯定 はい 예 네 ναι כן",
    "no": "nein nee non não нет ні nie hayır hayir tidak nem ei không لا خیر नहीं 否 不是 不 不对 否定 いいえ"
    " 아니요 아니오 아니다 όχι לא nej",
    "true": "wahr richtig korrekt zutreffend verdadero verdadera cierto cierta correcto correcta verdadeiro verdadeira"
    " correto correta vrai vraie exact vero vera corretto corretta верно правда правильно истина истинно правда prawda"
    " prawdziwe prawdziwa doğru benar juist waar sant sand đúng صحيح صحيحة सही सत्य 真 正确 正確 正しい 참",
    "false": "falsch unwahr unrichtig falso falsa faux fausse sbagliato errato errado errada неверно ложь ложно"
    " неправда fałsz fałszywe nieprawda yanlış salah onjuist onwaar falskt falsk sai خطأ خاطئ خاطئة غلط गलत असत्य"
    " 假 错误 錯誤 错 間違い 誤り 正しくない 거짓",
    "entailment": "folgerung implikation implicación implicazione implicação следование следует 蕴含 蕴涵 推出"
    " 含意 함의 wynikanie gerektirme استلزام",
    "neutral": "neutre neutro neutra neutrale neutraal neutralne neutralny neutralna нейтрально нейтральный нейтральное"
    " нейтральная nötr tarafsız محايد तटस्थ 中立 中性 중립",
    "contradiction": "widerspruch widersprüchlich contradicción contraddizione contradição contradictie tegenspraak"
    " противоречие противоречит sprzeczność çelişki تناقض विरोधाभास 矛盾 모순",
}
# Of these, the ones that are a word of another language too: only behind an announcement are they read.
ONLY_ANNOUNCED = frozenset(
    ["si", "ya", "ei", "ano", "nem", "so", "da", "ha", "exact", "sand", "sai", "vera", "waar", "salah", "推出"]
)
