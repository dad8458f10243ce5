"""What walls are called, and what their makers put into pages: words and marks, one kind a line.

A title is taken whole and a path by its last steps, so that an article about a thing is not taken
for the thing. Marks are names that products give to their own parts; each is only a sign.
"""

from __future__ import annotations

import re

_I = re.IGNORECASE

# A site's name may stand before or behind: "Forum - Log in", "Log in | Forum".
_ENDS = r"\s*(\.{1,3}|…|!|\?)?\s*([|\-–—:·»].{0,60})?$"
_STARTS = r"^(.{0,60}[|\-–—:·»]\s+)?"


def _title(*names: str) -> re.Pattern[str]:
    return re.compile(f"{_STARTS}({'|'.join(names)}){_ENDS}", _I)


TITLES = (
    (
        "challenge",
        _title(
            r"just a moment",
            r"one moment,? please",
            r"attention required",
            r"(please )?verify (that )?you are (a )?human",
            r"verifying (that )?you are (a )?human",
            r"are you (a )?(human|robot)",
            r"(human|bot|browser) (verification|check|detection)",
            r"(complete the )?(re)?captcha( required)?",
            r"security (check|verification|checkpoint)( required)?",
            r"checking your browser( before accessing.{0,60})?",
            r"ddos.{0,4}guard|ddos protection( by .{0,30})?",
            r"access (to this page has been )?denied",
            r"pardon our interruption|client challenge",
            r"making sure you.?re not a bot!?",
            r"robot or human",
        ),
    ),
    (
        "login",
        _title(
            r"(please )?(log|sign)[ -]?in( required| to continue| to .{1,30})?",
            r"(log|sign)[ -]?in or (register|sign up|create an account)",
            r"login required|members only|members area|authentication required|not logged in",
            r"(bitte )?anmelden|anmeldung( erforderlich)?|einloggen",
            r"connexion|se connecter|identifiez-vous",
            r"iniciar sesi[oó]n|inicia sesi[oó]n|acceder",
            r"accedi|entrar|inloggen|aanmelden|logga in|zaloguj się|войти|вход|ログイン|登录",
        ),
    ),
    (
        "age",
        _title(
            r"age (verification|check|gate|confirmation|restricted( content)?)( required)?",
            r"(verify|confirm) your age",
            r"are you (over )?(18|21)( years old)?|adults only( website)?",
            r"(warning|caution)[:!]? adults? (only|content)( warning)?",
            r"alters(prüfung|verifikation|nachweis|kontrolle|abfrage)",
            r"v[ée]rification de l.[âa]ge|verificaci[óo]n de edad|verifica dell.et[àa]",
            r"leeftijds(controle|verificatie)",
        ),
    ),
    (
        "consent",
        _title(
            r"before you continue( to .{1,40})?",
            r"(cookie|privacy) (consent|notice|wall|settings|choices)|consent( required)?",
            r"we value your privacy|your privacy choices?",
            r"bevor sie fortfahren|cookie-einstellungen|avant de continuer|antes de continuar",
        ),
    ),
)

OWN_PATHS = {
    "challenge": re.compile(
        r"/(cdn-cgi/challenge[^/]*|captcha|challenge|verify-human|human-check|"
        r"_?sec/cp_challenge|are-you-human)(/|$|\.)",
        _I,
    ),
    "login": re.compile(
        r"/(log-?in|log_in|sign-?in|sign_in|signin|logon|auth|sso|anmelden|connexion|"
        r"account/login|users/sign_in|wp-login|ucp)(/|$|\.)",
        _I,
    ),
    "age": re.compile(
        r"/(age-?(gate|check|verification|verify|confirm)|age_(gate|check|verification)|"
        r"verify-age|over-?(18|21)|adult-?(warning|check))(/|$|\.)",
        _I,
    ),
    "consent": re.compile(
        r"/(consent|cookie-?(wall|consent)|privacy-?(gate|wall)|collectconsent)(/|$|\.)", _I
    ),
}

# Where one does something (writes, registers, reports): it shows no media, and asking to log in
# there hides none. Of addresses of discussion boards as they are commonly built.
ACTIONS = re.compile(
    r"([/._-](reply|new-?(thread|topic|reply|post)|post(ing|-thread|-reply)?|compose|register|"
    r"sign-?up|report|bookmark|watch|follow|subscribe|upload|edit|delete|logout|settings|"
    r"preferences|messages?|conversations?|add-?reply|vote|like|react)(/|\.php|$))"
    r"|[?&](mode|do|action|act|a)=(reply|quote|post|newthread|newreply|register|report|pm|"
    r"subscribe|addsubscription|login)(&|;|$)",
    _I,
)

UNCOUNTED_LINKS = re.compile(
    r"/[^/]*(log-?in|sign-?(in|up|out)|log-?out|regist|password|lost|forgot|privacy|terms|tos|"
    r"imprint|impressum|datenschutz|legal|2257|dmca|contact|kontakt|help|hilfe|faq|about|cookie|"
    r"support|rules|agb|parent|rta|status|language|lang)[^/]*/?[^/]*$",
    _I,
)

MARKUP = (
    (
        "challenge",
        (
            "_cf_chl_opt",
            "cf-browser-verification",
            "challenge-form",
            "cf-turnstile",
            "h-captcha",
            "g-recaptcha",
            "captcha-delivery.com",
            "px-captcha",
            "_pxAppId",
            "_Incapsula_Resource",
            "sec-if-cpt-container",
            "AwsWafIntegration",
            "awsWafCookieDomainList",
            "sucuri_cloudproxy_js",
            "/.well-known/ddos-guard/",
            "anubis_challenge",
            "KPSDK",
            "arkoselabs.com",
            "geetest",
            "friendly-challenge",
            "frc-captcha",
            "altcha-widget",
        ),
    ),
    (
        "age",
        (
            "age-gate",
            "agegate",
            "age_gate",
            "age-verification",
            "ageverif",
            "yoti.com",
            "agechecker",
        ),
    ),
    (
        "consent",
        (
            "onetrust-consent",
            "CybotCookiebotDialog",
            "sp_message_container",
            "qc-cmp2",
            "didomi-",
            "usercentrics",
            "consentmanager",
            "fc-consent-root",
            "klaro",
            "borlabs-cookie",
            "cookie-wall",
            "cookiewall",
        ),
    ),
)

PHRASES = (
    (
        "challenge",
        re.compile(
            r"(verify|confirm|prove) (that )?you.{0,6} (are )?(a )?(human|not a (ro)?bot)"
            r"|checking (if the site connection is secure|your browser)"
            r"|unusual (traffic|activity) from your"
            r"|enable javascript and cookies to continue|complete the security check"
            r"|bestätigen sie, dass sie ein mensch sind|vérifi.{1,20} que vous êtes (un )?humain",
            _I,
        ),
    ),
    (
        "login",
        re.compile(
            r"you (must|need to|have to) (be (logged|signed) in|log in|sign in|register)"
            r"|(log|sign) in (or (register|sign up) )?to (view|see|continue|access|read)"
            r"|(only|restricted to) (registered|logged[- ]in) (users|members)"
            r"|you are not logged in|sie müssen (sich anmelden|angemeldet sein|eingeloggt sein)"
            r"|vous devez (être connecté|vous connecter)"
            r"|debes? (iniciar sesi[óo]n|estar conectado)",
            _I,
        ),
    ),
    (
        "age",
        re.compile(
            r"(you (must|have to) be|i am|are you) (over|at least|older than)? ?(the age of )?"
            r"(18|21|eighteen|twenty-one)|(18|21) years (of age )?(or|and) (older|over)"
            r"|age[- ]restricted|mindestens 18 jahre|über 18|plus de 18 ans"
            r"|mayor(es)? de (18|edad)",
            _I,
        ),
    ),
    (
        "consent",
        re.compile(
            r"(accept|agree to|consent to) (all )?(the use of )?(our )?cookies"
            r"|before you continue|manage (your )?(cookie|privacy) (settings|preferences|choices)"
            r"|alle cookies akzeptieren|accepter (tous )?les cookies|aceptar (todas )?las cookies",
            _I,
        ),
    ),
)

SCRIPT_WORDS = re.compile(r"java\s?-?script", _I)
REFUSING_WORDS = re.compile(
    r"enable|turn on|need|require|disabled|aktivier|benötig|activer|activ[ae]r?|habilit", _I
)
