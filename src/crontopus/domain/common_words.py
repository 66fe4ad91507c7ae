"""What passwords are most often made of: a short list of our own, no copy of a leaked one.

Words and names that lists of common passwords are full of, in several languages; what stands before or behind them
(digits, years, exclamation marks) is the business of `passwords`.
"""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


WORDS = _words(
    """
    aaaa abcd abcdef access account action adidas admin administrator airbus alaska albert alex alexander alexandra
    alexis alice alicia alpha amanda amber america american amigos amore anderson andrea andreas andrew android angel
    angela angels animal anna annika anthony antonio apollo apple april archer arsenal arthur asdf asdfgh asdfghjkl
    ashley athena august austin australia autumn awesome azerty baby babygirl backup badboy banana bananas barbara
    barcelona baseball basketball batman bayern beach beatles beautiful beauty becky benjamin berlin bernard beta
    bigdog birthday biscuit blessed blink blue bond bonjour boomer boston brandon brazil bridge brooklyn brother
    bubbles buddy buster butter butterfly calvin camaro cameron canada captain carlos carmen carolina caroline casper
    castle cat champion changeit changeme changethis charles charlie charlotte cheese chelsea chester chicago chicken
    chocolate chris christian christina christine christmas christopher claudia cleopatra coffee colorado company
    computer connect control cookie cookies cooper corvette cowboy cowboys crazy cristian crystal cupcake dakota
    dallas daniel daniela danielle dark darkness database david december default defender demo deutschland diablo
    diamond digital dolphin dolphins dominic donald dragon dream dreams eagle eagles eclipse edward einstein elephant
    elizabeth emily eminem england enter eric ernesto eugene europe evolution example explorer extreme facebook falcon
    family fantasy father february ferrari fiction fireball firebird fisher florida flower flowers football forever
    fortnite forum france francesco francis frank franklin fred freddy freedom friday friend friends gabriel galaxy
    gandalf garden gateway george germany ginger gizmo global goat godzilla gold golden golf golfer google grace
    grandma green gregory guest guitar hallo hamburg hammer hannah happy hardcore harley harry hawaii heather heaven
    hejsan hello help hendrix hesoyam hockey holiday home honda honey horses hotmail house houston hunter icecream
    iceman iloveu iloveyou india indiana infinity instagram inter internet ireland isabella island italy jackass
    jackson jaguar jake james january japan jasmine jason jasper jennifer jeremy jessica jesus jesuschrist john johnny
    jonathan jordan jose joseph joshua juan julia julian july june junior justin juventus karate katherine kathleen
    kawasaki keyboard killer king kingdom kitten kitty knight kristina lakers laptop laura lauren leather leonardo
    letmein liberty lincoln linkedin linux liverpool login london lovely loveme lover loveyou lucky ludwig madison
    madrid maggie magic manager manchester marcel march maria marie marina mario marlboro marseille marshall martin
    martina master matrix matthew maverick maximus melanie melissa mercedes mercury merlin metallica mexico michael
    michaela michelle mickey midnight miguel mike milano miller minecraft mohamed mohammed monday monica monkey
    monster montana morgan motdepasse mother mountain muffin munich music mustang myspace naruto natalie natasha
    nathan network newyork nicholas nicolas nicole nintendo nirvana nissan nobody nothing november october office
    oliver olivia online open openup oracle orange pakistan pamela panther paradise paris parker parola pass passcode
    passport passw password passwort patricia patrick peaches peanut pepper peter philips phoenix picasso pierre
    pirate platinum player please pokemon poland police polska porsche portugal postgres power precious president
    prince princess private production public pumpkin purple qazwsx qazwsxedc qwer qwert qwerty qwertyui qwertyuiop
    qwertz rabbit rachel raider raiders rainbow ranger rangers raspberry rebecca redhat redsox remember richard robert
    roberto rock rockstar roger ronaldo root rosebud russia safety samantha samsung samuel sandra santiago sarah
    saturday savannah school scooby scooter scorpion scotland sebastian secret secure security senha september server
    service shadow shannon shelby sierra silver simple skywalker smile smokey snickers snoopy snowball soccer softball
    sommer sophie spain spanish sparky spider spiderman spirit spring sql stalker star starwars steelers stefan
    stephanie steven stupid success summer sunday sunflower sunshine super superman superstar superuser support surfer
    sweden sweet sweetheart sweetie swordfish sysadmin system taylor teacher temp temporary tennis teresa test tester
    testing texas thailand theman thomas thunder thursday tiger tigers tigger tinkerbell titanic toor trinity trouble
    truelove trustno tuesday turtle tweety twitter ubuntu ultimate undertaker unicorn united universe user username
    vacation valentin valentina valerie vanessa vegas verbatim veronica victor victoria vincent violet viper volcano
    wachtwoord wallpaper warcraft warrior washington web wednesday welcome welcometo wertyu whatever white william
    williams willkommen windows winner winnie winston winter wizard wolf wolfgang wonderful word work working world
    xbox yahoo yankees yellow youtube zachary zaq zaqwsx zombie zxcvbn zxcvbnm
    """
)

FILLERS = _words(
    """
    the my your our a i am is its me you in on at of no to and love new old big one two best
    """
)
"""Between two words they make nothing stronger."""

ROWS = (
    "1234567890",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertzuiop",
    "yxcvbnm",
    "azertyuiop",
    "qsdfghjklm",
    "wxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "qazwsxedcrfvtgbyhnujmikolp",
    "!@#$%^&*()",
    '!"§$%&/()=',
)
"""What fingers run along: rows and columns of keyboards, digits, the alphabet; also backwards."""
