"""Stop words: function words of each Snowball language, which a query does without as long as it has others.

Articles, conjunctions, prepositions, pronouns, auxiliaries and question words, written for Groundwork. The lists of
``stopwordsiso`` and ``stop-words`` were weighed and left out: see docs/decisions/0049-words-and-their-forms.md.
"""

from collections.abc import Mapping

# Question words stay out of it on purpose only where they carry meaning ("how" and "why" do not).
ENGLISH = frozenset(
    [
        "a",
        "about",
        "after",
        "all",
        "also",
        "am",
        "an",
        "and",
        "any",
        "are",
        "as",
        "at",
        "be",
        "because",
        "been",
        "being",
        "but",
        "by",
        "can",
        "could",
        "did",
        "do",
        "does",
        "doing",
        "for",
        "from",
        "had",
        "has",
        "have",
        "having",
        "he",
        "her",
        "here",
        "hers",
        "him",
        "his",
        "how",
        "i",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "just",
        "me",
        "more",
        "most",
        "my",
        "no",
        "nor",
        "not",
        "of",
        "off",
        "on",
        "only",
        "or",
        "other",
        "our",
        "ours",
        "out",
        "over",
        "own",
        "same",
        "she",
        "should",
        "so",
        "some",
        "such",
        "than",
        "that",
        "the",
        "their",
        "theirs",
        "them",
        "then",
        "there",
        "these",
        "they",
        "this",
        "those",
        "through",
        "to",
        "too",
        "under",
        "until",
        "up",
        "very",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "while",
        "who",
        "whom",
        "why",
        "will",
        "with",
        "would",
        "you",
        "your",
        "yours",
    ]
)
"""Of English. Algorithm 1 has them, too: they never change."""
_WORDS: Mapping[str, str] = {
    "arabic": """
    أن أنا أنت أنتم أو أي أين إذا إلى إليه إن التي الذي الذين ب بعد بعض به بها بين تكون تلك ثم حتى حيث خلال
    ذلك على عليه عليها عن عند عندما غير ف في فيه فيها قبل قد كان كانت كل كما كيف ل لا لك لكن لم لماذا لن له
    لها لهم لي ليس ليست ما ماذا متى مع من منذ منه منها نحن هذا هذه هل هم هن هو هي و يكون
    """,
    "armenian": """
    այդ այլ այն այս բայց դու դուք եմ են ենք ես երբ եք է էի էին էինք էիր էիք էր ըստ թե ի ին ինչ ինչու ինչպես
    իսկ իր կամ համար հետ հետո մենք մեջ մի ն նա նաև նրա նրանք ով որ որը որոնք որպես որտեղ ու ում չեն չէ պիտի
    վրա և
    """,
    "basque": """
    al anitz arabera baina bat batean batek bati batzuk bera beraiek bere bezala da dago dira ditu du dute
    edo egin ere eta ez gu haiek hala han hango hara hari hau hauek hemen hi honek honela hor hori horiek
    hura izan ni noiz nola non nor nora ze zein zen zer zergatik ziren zituen zu zuek zuen zuten
    """,
    "catalan": """
    a això al allò als amb aquell aquella aquest aquesta aquestes aquests com d de del dels des el ella
    elles ells els em en entre era eren es et fins ha han he hem hi ho i j jo l la les li lo m meu meus meva
    molt més n ni no nosaltres o on pel pels per perquè però quan que qui quin quina què s se sense seu seus
    seva si sobre són t també te teu teva tu un una unes uns us vosaltres vostre és
    """,
    "czech": """
    a aby aj ale ani ano asi až bez bude budem budeš by byl byla byli bylo být ci co což da do ho i jak jako
    je jeho jej jejich její jen jestli ještě ji již jsem jsi jsme jsou jste já k kam kde kdo kdy když ke
    která které který kteří ku ma mezi mi my má mít mě můj na nad ne nebo než ni nic nám nás náš o od on ona
    oni ono po pod podle pokud pro proč před při s se si so svůj ta tak také takže tam te tedy ten tento to
    toho tom tomto tomu tu ty tě u už v ve vy vám vás váš více však z za zda ze že
    """,
    "danish": """
    ad af alle at blev blive bliver da de dem den denne der deres det dette dig din disse dog du efter eller
    en end er et for fra ham han hans har havde have hende hendes her hos hun hvad hvem hvis hvor hvordan
    hvorfor hvornår i ikke ind jeg jer jo kan kunne man mange med meget men mig min mine mit mod ned noget
    nogle nu når og også om op os over på selv sig sin sine sit skal skulle som sådan thi til ud under var
    vi vil ville vor være været
    """,
    "dutch": """
    aan al alles als altijd ben bij daar dan dat de der deze die dit doch doen door dus een en er ge geen
    geweest haar had heb hebben heeft hem het hier hij hoe hun ik in is je jij jouw jullie kan kon kunnen
    maar me meer men met mij mijn moet na naar niet nog nu of om omdat onder ons onze ook op over te tegen
    toch toen tot u uit uw van veel voor waar waarom wanneer want waren was wat we wel welke werd wie wij
    wil worden wordt zal ze zich zij zijn zo zonder zou
    """,
    "esperanto": """
    al ankaŭ ankoraŭ antaŭ aŭ da de do dum ekster el en estas esti estis estos estus havas ili ilia inter io
    iu ja jam je jen kaj kaŭ ke kia kial kiam kie kiel kio kiu kun kvankam la laŭ li lia malgraŭ mem mi mia
    ne nek ni nia nu nun nur oni per plej pli plu por post preter pri pro se sed sen si sia sub super sur
    tamen tia tial tiam tie tiel tio tiu tra tre tuj vi via ĉar ĉe ĉi ĉiu ĉu ĝi ĝia ĝis ŝi ŝia
    """,
    "estonian": """
    aga ega ehk ei enam et ise ja jah juba ka kas kes kuhu kui kuidas kuna kus kõik ma mida midagi miks
    millal mille mind minu mis mu mul mulle nad need nende ni nii ning nüüd oled olema oleme olen oli olid
    oma on pole sa seal seda see selle selles sellest siin siis sina sinu ta talle te teda teie tema tuleb
    vaid veel või ära üle
    """,
    "finnish": """
    ei eikä eivät emme en et ette että he heidän heidät heille heitä hän hänellä hänen hänet häntä itse ja
    jo joka jonka jos jossa jotka jotta kanssa keitä ken kenen ketkä ketä koska ku kuin kuinka kuka kun me
    meidän meidät meille meitä mihin miksi mikä milloin minkä minua minulla minulle minun minut minä missä
    mistä miten mitkä mitä mutta myös ne niiden niin niissä niitä noin nuo nyt ole olemme olen olet oli olin
    olisi olivat olla on ovat se sekä sen siihen siinä siitä sillä sinua sinulla sinun sinä sitä tai te
    teidän teille teitä tuo tähän tämä tämän tässä tästä tätä vaan vai vain voi ä
    """,
    "french": """
    a ai aie ainsi alors après as au aucun aucune aujourd aussi autre autres aux avait avant avec avez avoir
    avons c car ce ceci cela celle celles celui ces cet cette ceux chaque chez ci comme comment d dans de
    depuis des doit donc dont du dès elle elles en encore entre est et eu eux faire fait faut hors il ils j
    je jusque l la laquelle le lequel les lesquels leur leurs lors lui là m ma mais me mes moi moins mon
    même mêmes n ne ni non nos notre nous on ont ou où par parce pas pendant peu peut plus pour pourquoi
    puis qu quand que quel quelle quelles quels qui quoi s sa sans se sera ses si sien soi soit son sont
    sous suis sur t ta tandis te tel telle tes toi ton tous tout toute toutes très tu un une vers voici
    voilà vos votre vous y à ça étaient était été être
    """,
    "german": """
    ab aber alle allem allen aller alles als also am an ander andere anderem anderen anderer anderes auch
    auf aus bei beim bin bis bist da dabei dadurch daher damit dann das dass daß dein deine deinem deinen
    deiner dem den denen denn der deren des dessen dich die dies diese diesem diesen dieser dieses dir doch
    dort du durch ein eine einem einen einer eines er es etwas euch euer eure für gegen gewesen hab habe
    haben hat hatte hatten hier hin hinter ich ihm ihn ihnen ihr ihre ihrem ihren ihrer im in indem ins ist
    ja jede jedem jeden jeder jedes jener jetzt kann kein keine keinem keinen keiner können könnte man
    manche mein meine meinem meinen meiner mich mir mit muss müssen nach nicht noch nun nur ob oder ohne
    sehr sein seine seinem seinen seiner seit selbst sich sie sind so solche soll sollen sollte sondern
    sonst um und uns unser unsere unter viel vom von vor war waren warum was weil welche welchem welchen
    welcher welches wenn wer werde werden wie wieder will wir wird wo wurde wurden würde zu zum zur zwar
    zwischen über
    """,
    "greek": """
    ένα ένας έχει έχουν έχω ή ήταν αλλά αν αντί από αυτά αυτές αυτή αυτοί αυτό αυτός για γιατί δε δεν εάν
    είμαι είμαστε είναι είσαι είστε είχε εγώ εδώ εκεί εμείς ενός επίσης επειδή εσείς εσύ η θα κάθε κα και
    κατά κι μία μας με μετά μη μην μια μιας μου μπορεί μόνο να ο οι ούτε παρά πιο ποια ποιο ποιοι ποιος πολύ
    που πού πριν προς πως πώς σας σε σου στα στη στην στις στο στον στους τα την της τι τις το τον του τους
    των χωρίς ως όλα όλες όλοι όμως όπως όσο όταν ότι
    """,
    "hindi": """
    अगर अपना अपनी अपने आप आपका आपकी आपके इन इस इसका इसकी इसके इसे उन उस उसका उसकी उसके उसे एक ऐसे और कब कर
    करना करने कहाँ कहां का कि किया किस किसी की कुछ के कैसे को कोई कौन क्या क्यों गई गए गया जब जहाँ जैसे जो
    तक तब तुम तो था थी थे द्वारा न नहीं ने पर बाद भी मत में मेरा मेरी मेरे मैं यदि यह या ये रहा रही रहे लिए
    लेकिन वह वे सकता सकती सकते साथ से हम हमारा हमारी हमारे ही हुआ हुई हुए है हैं हो होता होती होते होना
    """,
    "hungarian": """
    a ahogy ahol aki akik alatt amely amelyek ami amikor az azok azonban azt be csak de egy el engem ez ezek
    ezt fel ha hogy hogyan hol honnan hova igen is itt kell ki között le lehet lenne lesz majd meg mely
    melyik mert mi mikor milyen mind minden minket mint mit miért most már még ne neked nekem neki nekik
    nektek nekünk nem nélkül ott pedig se sem sok szerint te ti titeket téged több ugyanis után vagy van
    vannak volna volt voltak által én és így úgy ő ők őket őt
    """,
    "indonesian": """
    ada adalah agar akan aku anda antara apa apakah atau bagaimana bagi bahwa belum bila bisa boleh bukan
    dalam dan dapat dari daripada dengan di dia dimana hanya harus ia ini itu jadi jika juga kalau kami kamu
    kapan karena ke kepada ketika kita lagi lain lalu maka mana masih mengapa mereka nya oleh pada para
    pernah pula saat saja sambil sampai sangat saya sebagai sebelum sedang sejak selama semua sendiri
    seperti serta siapa sudah supaya tapi telah tentang tetapi tidak untuk yaitu yang
    """,
    "irish": """
    a ach ag agus an aon ar as ba beidh bhí cad cathain chuig chun conas cá cé céard de den do don dá fad
    faoi féin gach gan go gur i iad idir in is le leis liom mar mo muid mé na nach ní níl níor nó os raibh
    roimh sa san seo siad sibh sin sinn sna sé sí tar thar thú trí tá tú um í ó ón
    """,
    "italian": """
    a abbiamo ad ai al alla alle allo anche avere c che chi ci cioè ciò coi col come con contro cosa cui d
    da dagli dai dal dall dalla dalle dallo degli dei del dell della delle dello di dopo dove e ed era erano
    essere fa fra già gli ha hai hanno ho i il in io l la le lei li lo loro lui ma me mi mia mie miei mio
    molto ne negli nei nel nell nella nelle nello no noi non nostra nostre nostri nostro o ogni per perché
    più poi può qual quale quali quando quanto quella quelle quelli quello questa queste questi questo qui
    se sei si sia siamo siete solo sono sopra sta stata stati stato su sua sue sugli sui sul sull sulla
    sulle sullo suo suoi te ti tra tu tua tue tuo tuoi tutti tutto un una uno v vi voi vostra vostro è
    """,
    "lithuanian": """
    ant apie ar arba aš be bet bus buvo būti dar dėl esame esate esi esu gali iki ir iš jau jei jeigu ji jie
    jis jo jos jūs jūsų jų kad kada kai kaip kas kiek kodėl kokia koks kur kuri kurie kurios kuris labai
    mano mes mūsų ne nes net nors nuo nėra o pagal pas pat per po prie prieš savo su ta tai taip tarp tas
    tavo tačiau ten tie tik tokia toks tos tu turi už visas visi visos yra čia į ši šie šios šis šį
    """,
    "nepali": """
    अनि अब आफ्नो उनको उनी एक कसरी कसले कहाँ कहिले का किन की कुन कुनै के केही को गरेको गरेर गर्न गर्ने छ छन्
    छु छौं जब जस्तो त तपाईं तपाईंको तर तिमी ती त्यस त्यो थिए थियो देखि न नि नै पनि बाट भएका भएको भएर भने म
    मा मेरो यदि यस यी यो र लाई लागि ले वा सँग संग सबै सम्म हामी हाम्रो हुने हुन् हुन्छ हो होइन
    """,
    "norwegian": """
    alle at av bare begge ble blei bli blir da de deg dei deira den denne der dere deres det dette di din
    disse ditt du eg ein eit eller elles en enn er et ett etter for fordi fra før ha hadde han hans har
    henne hennes her hjå ho hun hva hvem hver hvilke hvilken hvis hvor hvordan hvorfor i ikke ikkje ingen
    inn ja jeg kan kom korleis kva kvar kven kvifor man mange me med meg meget mellom men mer mi min mine
    mitt mot mye må ned no noe noen nå når og også om opp oss over på selv si sia sidan siden sin sine sitt
    skal skulle som så sånn til under upp ut var vi vil ville vore vår være vært
    """,
    "persian": """
    آن آنها آن‌ها از است اما او اگر ایشان این با باشد باشند باید بر برای بعد به بود بودند بین تا تو تواند
    خود دارد دارند داشت در دیگر را روی زیر زیرا شد شده شما شود شوند فقط قبل ما من می می‌شود نباید نمی نیز
    نیست نیستند ها های هر هستم هستند هستید هستیم هم همه هیچ و ولی پس پیش چرا چند چه چون چگونه کجا کدام کرد
    کرده کند کنند که کی یا یک
    """,
    "polish": """
    a aby albo ale ani aż bardzo bez bo by być był była było były bądź będzie będą ci cię co czy dla do gdy
    gdyby gdzie go i ich im in inne iż ja jak jaka jaki jakie jako je jeden jednak jego jej jemu jest jestem
    jeszcze jeśli już ją każdy kiedy kto która które którego której który którzy ku lub ma mają mi mnie mną
    moje może można my mój na nad nam nami nas nasz nasza nasze nic nich nie niż no o od on ona one oni ono
    oraz po pod podczas ponieważ poza przed przez przy się skąd swoje są ta tak także tam te tego tej ten to
    tobie tu tutaj twoje twój ty tych tylko tym u w was wasz we więc wszystkie wszystko wy z za zaś ze że
    żeby
    """,
    "portuguese": """
    a ao aos aquela aquelas aquele aqueles aquilo as até com como da das de dela delas dele deles depois do
    dos e ela elas ele eles em entre era eram essa essas esse esses esta estas estava este estes estou está
    estão eu foi foram há isso isto já lhe lhes mais mas me mesmo meu meus minha minhas muito na nas nem no
    nos nossa nossas nosso nossos num numa não nós o onde os ou para pela pelas pelo pelos pode podem por
    porque quais qual quando que quem quê se sem ser será seu seus sobre sua suas são só também te tem teu
    tinha tu tua têm um uma umas uns você vocês vos à às é
    """,
    "romanian": """
    a acea aceasta această aceea acei aceia acel acela acele acelea acest acesta aceste acestea aceştia
    acești ai al ale am ar are as asta astea asupra au avea aș ca care ce cea cei cel cele cine cu cum când
    că cărei cărui da dacă de deci decât deja despre din după e ea ei el ele era erau este eu fi fie fiecare
    fost la le li lor lui mai mea mei mele meu mi mine mult nici noastre noastră noi nostru noștri nu o ori
    pe pentru peste poate pot prin sa sale sau se sub sunt suntem să ta tale te toate tot tu un una unde
    unei unor unui va voi vor vostru vă îi îl îmi în între își şi și ți
    """,
    "russian": """
    а без более больше будет будто бы был была были было быть в вам вас ведь во вот все всегда всех всю всё
    вы где да даже два для до другой его ее ей ему если есть её ж же за зачем здесь и из или им их к как
    какая какие какой когда которая которое которые который кто куда ли лучше между меня мне много может
    можно мой моя мы на над нас не него нее ней нельзя неё ни ним них ничего но ну о об он она они от перед
    по под после потом потому почему почти при про разве с сам свою себе себя сейчас со так такой там тебя
    тем теперь то того тоже том тот три тут ты у уже хоть чего чем через что чтоб чтобы чуть эта эти это
    этого этой этом этот эту я
    """,
    "serbian": """
    a ako ali bez bi bila bile bili bilo bio biti da do ga gde i ih ili im iz između ja je jer jesam joj još
    k ka kad kada kako ko kod koja koje koji kojih kojim koju kroz li me mi mogu moj moja moje može mu na
    nad nas naš ne nego ni nije nisam nisu njegov njen njihov no o od on ona onaj one oni ono ova ovaj ovde
    ove ovi ovo po pod pred pri s sa sam samo se si smo ste su sve svi svoj ta taj tako tamo te ti to treba
    tu tvoj u uz vas vaš već vi za zašto će ćemo ću čiji šta što
    """,
    "sesotho": """
    a ba bane bona di e ea eaba empa ena eng ha hae hape ho hobane hore joang jwang ka kae kapa ke kea la le
    li lia lona mang me mme mo moo na nang ne neng nna no o oa oe rona sa se sea seo tla tsa tse tsena wa
    wena ya yena
    """,
    "spanish": """
    a al algo algunas algunos ante antes aquel aquella aquellas aquellos así aun aunque bajo cada como con
    contra cual cuales cualquier cuando cuanto cuál cuáles cuándo cómo de del desde donde dos durante dónde
    e el ella ellas ellos en entre era eran eres es esa esas ese eso esos esta estas este esto estos estoy
    está están fue fueron ha había han has hasta hay he la las le les lo los me mi mis mismo mucho muchos
    muy más mí nada ni no nos nosotras nosotros nuestra nuestro o os otra otras otro otros para pero poco
    por porque puede pueden pues que quien quienes quién qué se sea según ser si sido sin sobre son soy su
    sus sí también tan tanto te tiene tienen todo todos tu tus tú un una unas uno unos usted ustedes
    vosotros y ya yo él
    """,
    "swedish": """
    alla allt att av bara blev bli blir blivit de dem den denna deras dess dessa det detta dig din dina ditt
    du där då efter ej eller en er era ert ett från för genom ha hade han hans har henne hennes hon honom
    hur här i icke ingen inom inte jag ju kan kunde man med mellan men mig min mina mitt mot mycket ni nu
    när någon något några och om oss på samma sedan sig sin sina sitta själv ska skall skulle som så sådan
    till under upp ut utan vad var vara varför varit varje vars vart vem vi vid vilka vilken vilket vill vår
    våra vårt än är åt över
    """,
    "tamil": """
    அது அந்த அல்லது அவன் அவர் அவர்கள் அவள் ஆக ஆகும் ஆன ஆனால் இது இந்த இருக்கிறது இருக்கும் இருந்தது இருந்து
    இல்லை உங்கள் உள்ள உள்ளது எங்கள் எங்கே எது என எனது என் என்ன என்பது என்ற என்று எப்படி எப்போது எல்லா ஏன்
    ஒரு கீழ் கொண்டு சில தனது தன் தான் நாங்கள் நான் நாம் நீ நீங்கள் பல பின் பிறகு போல மற்றும் மீது முடியாது
    முடியும் முன் மூலம் யார் வரை வேண்டும்
    """,
    "turkish": """
    acaba ama ancak aslında az bana bazı belki ben benden beni benim beri bile bir biri birkaç biz bize bizi
    bizim bu buna bunda bundan bunlar bunu bunun burada böyle da daha de değil diye en fakat gibi göre hangi
    hatta hem henüz hep hepsi her herkes hiç ile ise için işte ki kim kime kimi kimin mi mu mü mı nasıl ne
    neden nerede nereye niye niçin o olan olarak oldu olduğu olmak ona ondan onlar onların onu onun sadece
    sanki siz size sizi sizin sonra tüm var ve veya ya yani yok zaten çok çünkü öyle üzere şey şu şunu
    """,
    "yiddish": """
    א אַ אַז אַלע אַן אָבער אָדער אָן אבער אדער אויב אויך אויף און אונדז אונדזער אז איז אייך איך אים אין איר
    אלע אן ביי בין ביסט בײַ געווען דא דאָ דאָס דאָרט דאס דארט דו די דיין דיך דעם דער דײַן האָב האָבן האָט
    האב האבן האט ווּ וואָס וואו וואס ווי ווייל וועט וועלן ווען ווער ווײַל זי זיי זיין זייער זיך זענט זענען
    זײַן יעדער מיט מיין מיך מיר מײַן נאָך נאָר נאך נאר ניט נישט עס ער פֿאַר פֿון פאַרוואָס פאר פארוואס פון
    צו קען קענען
    """,
}


def stop_words(language: str) -> frozenset[str]:
    """The stop words of a Snowball language as they are written; none where the language is not known."""
    if language in ("english", "porter"):
        return ENGLISH
    return frozenset(_WORDS.get("dutch" if language == "dutch_porter" else language, "").split())
