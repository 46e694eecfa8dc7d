"""Collections in several languages made by templates: ten devices with ten faults each, and a question about each."""

# ruff: noqa: RUF001 (wide characters count twice, and letters of other scripts are wanted)

from collections.abc import Mapping
from dataclasses import dataclass

from indexing.records import Document


@dataclass(frozen=True, slots=True)
class Phrases:
    """Ten words of each kind, and sentences that hold them."""

    devices: tuple[str, ...]
    faults: tuple[str, ...]
    remedies: tuple[str, ...]
    text: str
    question: str


PHRASES: Mapping[str, Phrases] = {
    "english": Phrases(
        ("printer", "scanner", "router", "monitor", "keyboard", "camera", "tablet", "speaker", "projector", "charger"),
        (
            "makes a loud noise",
            "gets too hot",
            "does not switch on",
            "loses its connection",
            "shows a red light",
            "smells of smoke",
            "restarts by itself",
            "answers slowly",
            "forgets its settings",
            "shakes on the table",
        ),
        (
            "clean the fan",
            "open a window",
            "change the cable",
            "move the antenna",
            "update the software",
            "call the workshop",
            "change the battery",
            "empty the memory",
            "set the clock",
            "tighten the screws",
        ),
        "This page is about the {device}. Sometimes the {device} {fault}. Then you should {remedy} and wait an hour.",
        "what helps when the {device} {fault}",
    ),
    "arabic": Phrases(
        ("الطابعة", "الماسح", "الموجه", "الشاشة", "المفاتيح", "الكاميرا", "اللوح", "السماعة", "المنوار", "الشاحن"),
        (
            "صوت مرتفع جدا",
            "حرارة زائدة",
            "عدم التشغيل",
            "انقطاع الاتصال",
            "ضوء أحمر",
            "رائحة دخان",
            "إعادة التشغيل تلقائيا",
            "استجابة بطيئة",
            "نسيان الإعدادات",
            "اهتزاز قوي",
        ),
        (
            "نظف المروحة",
            "افتح النافذة",
            "غير السلك",
            "حرك الهوائي",
            "حدث البرنامج",
            "اتصل بالورشة",
            "بدل البطارية",
            "فرغ الذاكرة",
            "اضبط الساعة",
            "شد البراغي",
        ),
        "هذه الصفحة تتحدث عن {device}. قد تظهر أحيانا في {device} مشكلة {fault}. عندها {remedy} وانتظر ساعة كاملة.",
        "ما الحل عند {fault} في {device}",
    ),
    "russian": Phrases(
        (
            "принтер",
            "сканер",
            "маршрутизатор",
            "экран",
            "клавиатура",
            "камера",
            "планшет",
            "динамик",
            "проектор",
            "чайник",
        ),
        (
            "громкий шум",
            "сильный нагрев",
            "отказ включения",
            "потеря связи",
            "красный свет",
            "запах дыма",
            "внезапная перезагрузка",
            "медленный ответ",
            "сброс настроек",
            "дрожание корпуса",
        ),
        (
            "очистите вентилятор",
            "откройте окно",
            "замените кабель",
            "поверните антенну",
            "обновите программу",
            "позвоните мастеру",
            "поменяйте батарею",
            "освободите память",
            "поставьте часы",
            "затяните винты",
        ),
        "Эта страница описывает устройство {device}. Иногда у него бывает {fault}, и {device} мешает работать."
        " Тогда {remedy} и подождите один час.",
        "что делать если {device} и {fault}",
    ),
    "thai": Phrases(
        ("เครื่องพิมพ์", "สแกนเนอร์", "เราเตอร์", "จอภาพ", "แป้นพิมพ์", "กล้องถ่ายรูป", "แท็บเล็ต", "ลำโพง", "โปรเจกเตอร์", "ที่ชาร์จ"),
        (
            "มีเสียงดัง",
            "ร้อนเกินไป",
            "เปิดไม่ติด",
            "หลุดการเชื่อมต่อ",
            "มีไฟแดง",
            "มีกลิ่นควัน",
            "เริ่มใหม่เอง",
            "ตอบสนองช้า",
            "ลืมการตั้งค่า",
            "สั่นบนโต๊ะ",
        ),
        (
            "ทำความสะอาดพัดลม",
            "เปิดหน้าต่าง",
            "เปลี่ยนสายไฟ",
            "ขยับเสาอากาศ",
            "อัปเดตโปรแกรม",
            "โทรหาช่าง",
            "เปลี่ยนแบตเตอรี่",
            "ล้างหน่วยความจำ",
            "ตั้งนาฬิกา",
            "ขันสกรูให้แน่น",
        ),
        "หน้านี้พูดถึง{device}ของสำนักงาน บางครั้ง{device}{fault}ในเวลาทำงาน ถ้าเป็นเช่นนั้นให้{remedy}แล้วรอหนึ่งชั่วโมง",
        "ทำอย่างไรเมื่อ{device}{fault}",
    ),
    "chinese": Phrases(
        ("打印机", "扫描仪", "路由器", "显示器", "键盘", "照相机", "平板电脑", "扬声器", "投影仪", "充电器"),
        (
            "噪音很大",
            "温度过高",
            "无法开机",
            "连接中断",
            "亮起红灯",
            "有烟味",
            "自动重启",
            "反应迟钝",
            "丢失设置",
            "不停抖动",
        ),
        (
            "清洁风扇",
            "打开窗户",
            "更换电缆",
            "移动天线",
            "更新软件",
            "联系维修店",
            "更换电池",
            "清空内存",
            "校准时钟",
            "拧紧螺丝",
        ),
        "本页介绍办公室的{device}以及常见问题。有时候{device}{fault}并影响工作。这时请{remedy}然后等待一个小时再继续使用。",
        "{device}{fault}怎么办",
    ),
}


@dataclass(frozen=True, slots=True)
class LanguageCollection:
    """A hundred documents, and a question about each, by its id."""

    documents: tuple[Document, ...]
    questions: Mapping[str, str]


def made_collection(language: str) -> LanguageCollection:
    """The collection of a language of ``PHRASES``; always the same."""
    phrases = PHRASES[language]
    documents, questions = [], {}
    for one, device in enumerate(phrases.devices):
        for other, fault in enumerate(phrases.faults):
            name = f"{language}-{one}-{other}"
            remedy = phrases.remedies[(one + other) % len(phrases.remedies)]
            documents.append(Document(name, "", phrases.text.format(device=device, fault=fault, remedy=remedy)))
            questions[name] = phrases.question.format(device=device, fault=fault)
    return LanguageCollection(tuple(documents), questions)
