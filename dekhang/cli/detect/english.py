"""What `detect` says, in English: Vietnamese text → English text (words.py)."""

ENGLISH: dict[str, str] = {
    # levels and small words
    "thông tin": "informational",
    "thấp": "low",
    "vừa": "medium",
    "cao": "high",
    "nghiêm trọng": "critical",
    "không rõ giờ": "time unknown",
    "{time} giờ VN": "{time} in Viet Nam",
    "máy": "machine",
    "tài khoản": "account",
    "không nêu": "not stated",
    "{n} phút": "{n} min",
    "{n} giờ": "{n} h",
    "{n} ngày": "{n} days",
    "{n} lần": "seen {n} ×",
    "{n} máy": "on {n} machine(s)",
    "{n} bản ghi": "{n} records",
    "{n} sự kiện": "{n} events",
    "{n} lần khớp": "{n} findings",
    "{n} bản ghi/giây": "{n} records/s",
    "bản ghi {n}": "record {n}",
    "từ {moment}": "from {moment}",
    "trước {moment}": "before {moment}",
    # the command line
    "tìm dấu hiệu tấn công trong tệp log": "find signs of attack in log files",
    "Đề Kháng: tìm dấu hiệu tấn công trong tệp log (EVTX, JSONL, JSON, CSV, syslog, auditd, nhật ký web, "
    "Suricata EVE; cả tệp nén). Chạy không cần mạng, không lưu gì ngoài kết quả.": "Đề Kháng: find signs of attack in "
    "log files (EVTX, JSONL, JSON, CSV, syslog, auditd, web logs, Suricata EVE; packed files too). Needs no network, "
    "keeps nothing but the result.",
    "Ví dụ: dekhang detect C:\\log -o bao-cao.html": "Example: dekhang detect C:\\log -o report.html --lang en",
    "THƯ_MỤC": "FOLDER",
    "TỆP": "FILE",
    "ĐƯỜNG_DẪN": "PATH",
    "LÚC": "WHEN",
    "tệp hoặc thư mục log; - là đầu vào chuẩn": "log files or folders; - is standard input",
    "thư mục luật Sigma (dùng được nhiều lần); không nêu thì dùng bộ luật đi kèm": "folder of Sigma rules (may be "
    "repeated); without it the rules that come with Đề Kháng",
    "tệp YAML khai nguồn log riêng của đơn vị (dùng được nhiều lần)": "YAML file that declares log sources of your own "
    "(may be repeated)",
    "tệp YAML các danh sách mà luật gọi bằng %%tên%% (bổ nghĩa expand)": "YAML file of the lists that rules call by "
    "%%name%% (modifier expand)",
    "tệp hoặc thư mục chỉ dấu: STIX, MISP, CSV, danh sách (dùng được nhiều lần)": "files or folders of indicators: STIX, "
    "MISP, CSV, lists (may be repeated)",
    "tệp những giá trị quen thuộc không nên báo động (dùng được nhiều lần)": "file of well-known values that should "
    "raise no alarm (may be repeated)",
    "định dạng của tệp log; không nêu thì tự nhận theo nội dung": "format of the log files; without it the content "
    "decides",
    "cách in kết quả; không nêu thì theo đuôi của tệp sau -o, hoặc table": "how to write the findings; without it as "
    "the name after -o ends, or table",
    "ghi kết quả vào tệp này thay vì in ra": "write the findings to this file instead of printing them",
    "chỉ lấy từ mức này trở lên": "only findings of this level or above",
    "chỉ lấy từ lúc này, ví dụ 2019-12-10T08:00+07:00": "only findings from this time on, e.g. 2019-12-10T08:00+07:00",
    "chỉ lấy trước lúc này; không ghi múi giờ là giờ UTC": "only findings before this time; without a zone it is UTC",
    "“{text}” không phải là ngày giờ; hãy ghi như 2019-12-10 hoặc 2019-12-10T08:00+07:00": "“{text}” is no date or "
    "time; write it like 2019-12-10 or 2019-12-10T08:00+07:00",
    "tiếng của kết quả: vi (Việt) hoặc en (Anh)": "language of the output: vi (Vietnamese) or en (English)",
    "thêm số liệu đọc và luật vào stderr": "add statistics of files and rules to standard error",
    "ghi số liệu đọc và luật vào tệp JSON này": "write statistics of files and rules to this JSON file",
    "số tiến trình cùng đọc (mặc định %(default)s); nhiều tệp, hoặc một tệp JSONL lớn, thì nhanh hơn": "processes that "
    "read side by side (default %(default)s); quicker for many files or one big file of JSON lines",
    "không hiện tiến độ và lời nhắc, chỉ kết quả và lỗi": "no progress, no hints: only findings and errors",
    "nơi giữ luật đã đọc để lần sau chạy nhanh (mặc định: thư mục cache của người dùng)": "where parsed rules are kept "
    "so that the next run starts quickly (default: your cache folder)",
    # refusals and hints
    "Báo cáo HTML cần một tệp để ghi vào; hãy thêm -o bao-cao.html.": "An HTML report needs a file to go to; "
    "add -o report.html.",
    "Không ghi được {file}: {reason}.": "Cannot write {file}: {reason}.",
    "Không có thư mục luật {folder}; hãy kiểm tra lại đường dẫn sau --rules.": "There is no rule folder {folder}; "
    "check the path after --rules.",
    "Không có luật nào dùng được trong {folders}.": "There is no usable rule in {folders}.",
    "Không có bản ghi nào để đọc trong {paths}.": "There is no record to read in {paths}.",
    "{n} luật hỏng không được dùng; xem từng luật bằng: dekhang rules check {folders}": "{n} faulty rules are not "
    "used; see each of them with: dekhang rules check {folders}",
    "Đã ghi kết quả vào {file}.": "The findings are in {file}.",
    "… và {n} dòng chỉ dấu nữa không đọc được.": "… and {n} more lines of indicators that could not be read.",
    "Không có chỉ dấu nào dùng được trong {paths}.": "There is no usable indicator in {paths}.",
    "Chỉ dấu: {used} dùng được trong {files} tệp, {suppressed} bỏ hoặc hạ mức vì có trong danh sách quen thuộc, "
    "{faulty} hỏng.": "Indicators: {used} used from {files} files, {suppressed} left out or lowered because a list of "
    "well-known values has them, {faulty} faulty.",
    "Luật {id} ({title}): bỏ {n} giá trị vì biểu thức chính quy chạy quá lâu.": "Rule {id} ({title}): {n} values given "
    "up because a regular expression took too long.",
    # table
    "Mức": "Level",
    "Lần": "Times",
    "Luật, nơi đầu tiên (giờ UTC), dấu vết": "Rule, first place (UTC), traces",
    "… và {n} mục nữa; dùng --format jsonl để có tất cả.": "… and {n} more entries; --format jsonl gives all of them.",
    "{n} lần khớp của {rules} luật, trong {records} bản ghi của {files} tệp.": "{n} findings of {rules} rules, in "
    "{records} records of {files} files.",
    "Không luật nào khớp.": "No rule matched.",
    "Làm trước hết: {step}": "Do first: {step}",
    "Báo cáo đầy đủ, kèm việc cần làm: thêm `-o bao-cao.html` vào lệnh vừa chạy.": "For the full report with what to "
    "do, add `-o report.html` to the command you just ran.",
    # statistics
    "Luật: {used} dùng được, {skipped} bỏ qua, {faulty} hỏng ({files} tệp).": "Rules: {used} used, {skipped} skipped, "
    "{faulty} faulty ({files} files).",
    "  hỏng: {error}": "  faulty: {error}",
    "  bỏ qua {n}: {reason}": "  skipped {n}: {reason}",
    "  bỏ qua {n} vì lý do khác; xem `dekhang rules check --verbose`.": "  skipped {n} for other reasons; see "
    "`dekhang rules check --verbose`.",
    "{file}: đọc {read} = xét {evaluated} + không hiểu {unparsable}; khớp {matches}; chỗ hỏng trong tệp {problems}.": "{file}: "
    "read {read} = evaluated {evaluated} + unparsable {unparsable}; findings {matches}; damaged places {problems}.",
    "  chưa luật nào xét {n} bản ghi của nguồn log ({source}).": "  no rule reads the {n} records of the log source "
    "({source}).",
    "  chưa luật nào xét {n} bản ghi của các nguồn log khác.": "  no rule reads {n} records of other log sources.",
    "Tổng: đọc {read} = xét {evaluated} + không hiểu {unparsable}; khớp {matches}{levels}; {seconds} giây, {rate} bản ghi/giây.": "Total: "
    "read {read} = evaluated {evaluated} + unparsable {unparsable}; findings {matches}{levels}; {seconds} s, {rate} records/s.",
    # the verdict
    "Chưa thấy dấu hiệu tấn công": "No sign of an attack so far",
    "Không luật nào khớp trong {records} bản ghi đã xét. Điều đó chưa chứng minh máy an toàn: "
    "việc không được ghi vào log thì không thấy được.": "No rule matched in the {records} records examined. That does "
    "not prove the machine is safe: what was never logged cannot be seen.",
    "Có người đang tìm cách xâm nhập": "Somebody is trying to get in",
    "Chưa rõ họ đã vào được hay chưa; cần kiểm tra ngay.": "Whether they succeeded is not known yet; check now.",
    "Có dấu hiệu tấn công nghiêm trọng": "There are serious signs of an attack",
    "Hãy xử lý như một sự cố cho tới khi có người xác minh.": "Treat it as an incident until somebody has verified it.",
    "Có dấu hiệu đáng ngờ, cần kiểm tra trong ngày": "Suspicious; check it today",
    "Có thể là việc quản trị bình thường; hỏi người dùng máy trước khi kết luận.": "It may be ordinary administration; "
    "ask the machine's user before you conclude.",
    "Chỉ có dấu vết mức thấp": "Only traces of low level",
    "Riêng chúng ít khi là tấn công; xem lại nếu máy có biểu hiện lạ.": "By themselves they seldom mean an attack; look "
    "again if the machine behaves strangely.",
    "Có {kinds} loại dấu hiệu mức cao hoặc nghiêm trọng ({times} lần)": "Signs of high or critical level: {kinds} "
    "kind(s), seen {times} ×,",
    "Có {kinds} loại dấu hiệu, nặng nhất ở mức {level} ({times} lần)": "Signs: {kinds} kind(s), the worst of level "
    "{level}, seen {times} ×,",
    "trong log không ghi tên máy": "in logs that name no machine",
    "trên máy {machines} và {n} máy khác": "on {machines} and {n} more machine(s)",
    "trên máy {machines}": "on {machines}",
    ", lúc {moment} giờ Việt Nam": ", at {moment} Viet Nam time",
    ", từ {first} đến {last} ngày {day} giờ Việt Nam": ", from {first} to {last} on {day} Viet Nam time",
    ", từ {first} đến {last} giờ Việt Nam": ", from {first} to {last} Viet Nam time",
    # what to do
    "Log không ghi tên máy: tìm máy của đơn vị theo địa chỉ trong dấu vết{addresses}, rồi cô lập máy đó. "
    "Không tắt máy, không cài lại, không xóa gì.": "The log names no machine: find yours by the addresses in the "
    "findings{addresses} and isolate it. Do not shut it down, reinstall or delete anything.",
    "Cô lập máy {machines}: rút dây mạng, tắt Wi-Fi. Không tắt máy, không cài lại, không xóa gì.": "Isolate the "
    "machine {machines}: unplug the network, turn Wi-Fi off. Do not shut it down, reinstall or delete anything.",
    "Báo lãnh đạo đơn vị và gọi đội ứng cứu sự cố của tỉnh; gửi kèm báo cáo này.": "Tell your head and call the "
    "province's incident response team; send them this report.",
    "Chép các tệp log gốc sang nơi khác và giữ nguyên; đó là bằng chứng.": "Copy the original log files elsewhere and "
    "leave them unchanged; they are evidence.",
    "Từ một máy khác còn sạch, đổi mật khẩu các tài khoản liên quan (trước hết: {accounts}).": "From another machine "
    "that is clean, change the passwords of the accounts concerned (first: {accounts}).",
    "Soi log các máy khác cùng mạng bằng cùng lệnh này; kẻ tấn công ít khi chỉ vào một máy.": "Examine other machines "
    "of the network with this same command; attackers seldom stop at one.",
    "Xem dấu hiệu bên dưới: yêu cầu nào được máy chủ trả lời thành công (mã 200), đăng nhập nào thành công.": "Look at "
    "the findings below: which requests did the server answer with success (code 200), which logins succeeded?",
    "Nếu có một lần thành công: cô lập máy khỏi mạng và gọi đội ứng cứu sự cố của tỉnh.": "If even one succeeded: "
    "isolate the machine and call the province's incident response team.",
    "Chặn địa chỉ nguồn ở tường lửa; cập nhật bản vá cho dịch vụ bị nhắm tới.": "Block the source addresses at the "
    "firewall; patch the service that was aimed at.",
    "Xem từng dấu hiệu bên dưới và hỏi người dùng máy: việc này có ai chủ ý làm không, vào giờ đó?": "Go through the "
    "findings below and ask the machine's user: did somebody do this on purpose, at that time?",
    "Nếu không ai nhận: coi là sự cố, cô lập máy khỏi mạng và gọi đội ứng cứu sự cố của tỉnh.": "If nobody did: it is "
    "an incident; isolate the machine and call the province's incident response team.",
    "Kiểm tra log có phủ khoảng thời gian đáng ngờ không, và máy có bật ghi log đầy đủ không.": "Check that the logs "
    "cover the time in question, and that the machine logs everything it should.",
    "Nếu máy vẫn có biểu hiện lạ: xuất thêm log (Security, System, PowerShell, Sysmon) rồi soi lại.": "If the machine "
    "still behaves strangely: export more logs (Security, System, PowerShell, Sysmon) and examine them too.",
    # what makes the answer weaker
    "{n} tệp không đọc được nên chưa được xét.": "{n} file(s) could not be read and were not examined.",
    "{n} trong {read} bản ghi không hiểu được; chỉ tìm từ khóa trong đó.": "{n} of {read} records could not be "
    "understood; only keywords were looked for in them.",
    "{n} chỗ trong các tệp bị hỏng, phần còn lại vẫn được đọc.": "{n} place(s) in the files are damaged; the rest was "
    "read.",
    "{n} bản ghi thuộc nguồn log mà chưa luật nào xét tới.": "{n} records belong to log sources that no rule reads.",
    "{n} luật hỏng không được dùng.": "{n} faulty rule(s) were not used.",
    "{n} lần khớp nằm ngoài khoảng thời gian đã chọn, không kể ở đây.": "{n} findings lie outside the chosen period and "
    "are not told here.",
    # the report: head
    "Báo cáo soi log": "Log examination report",
    "Tới nội dung": "Skip to content",
    "Lập lúc {moment} giờ Việt Nam, hoàn toàn trên máy này.": "Made at {moment} Viet Nam time, entirely on this machine.",
    "Nặng nhất:": "Worst:",
    "Làm ngay, theo thứ tự": "Do now, in this order",
    "Điều cần lưu ý": "Mind",
    "Đã soi những gì": "What was examined",
    "Tệp": "File",
    "{n} tệp đọc được": "{n} file(s) read",
    "{n} tệp không đọc được": "{n} file(s) not readable",
    "xem từng tệp": "see each file",
    "Bản ghi": "Records",
    "{read} bản ghi = {evaluated} đã xét + {unparsable} không hiểu": "{read} records = {evaluated} evaluated + {unparsable} "
    "not understood",
    "Thời gian của dấu hiệu": "Time of the findings",
    "Chỉ lấy": "Only",
    "Máy có dấu hiệu": "Machines with findings",
    "(log không ghi tên máy)": "(the log names no machine)",
    "và {n} máy khác": "and {n} more",
    "Luật": "Rules",
    "{used} luật được dùng, {skipped} chưa dùng được với loại log hay cài đặt này, {faulty} hỏng": "{used} rules used, "
    "{skipped} not applicable to these kinds of log or this installation, {faulty} faulty",
    "chỉ lấy từ mức {level}": "only from level {level} up",
    "Kết quả": "Result",
    "Mục lục": "Contents",
    "Nghĩa là gì, làm gì": "What it means, what to do",
    "Kỹ thuật tấn công": "Techniques",
    "Theo máy": "By machine",
    "Theo tài khoản": "By account",
    "Theo địa chỉ": "By address",
    "Theo luật": "By rule",
    "Dấu vết": "Findings",
    # the report: advice, time line, matrix
    "Nghĩa là gì, làm gì trước": "What it means, what to do first",
    "Dấu vết ({n} lần):": "Findings ({n}):",
    "và {n} luật khác": "and {n} more rules",
    "Còn {n} nhóm dấu hiệu nhẹ hơn ở mục Theo luật.": "{n} lesser groups are under By rule.",
    "Dòng thời gian": "Time line",
    "Dòng thời gian: {said}": "Time line: {said}",
    "Mỗi hình là một khoảng {unit}; hình càng lớn càng nhiều lần khớp.": "Each mark stands for {unit}; the larger, the more "
    "findings.",
    "{n} lần khớp không rõ giờ nên không có trong hình.": "{n} findings without a known time are not in the picture.",
    "Số liệu của hình": "The picture's numbers",
    "Giờ Việt Nam": "Viet Nam time",
    "Kỹ thuật tấn công (MITRE ATT&CK)": "Techniques (MITRE ATT&CK)",
    "không nêu kỹ thuật": "no technique named",
    "số lần khớp": "findings",
    "và {n} kỹ thuật khác": "and {n} more techniques",
    "Một luật có thể thuộc nhiều bước nên được đếm ở mỗi bước.": "A rule may belong to several tactics and counts in each.",
    "Không thấy dấu hiệu của: {tactics}.": "No sign of: {tactics}.",
    # the report: tables
    "Máy": "Machine",
    "Tài khoản": "Account",
    "Địa chỉ nguồn": "Source address",
    "Số lần": "Times",
    "Theo mức": "By level",
    "Từ – đến": "From – to",
    "và {n} dòng nữa không in ra ở đây.": "and {n} more rows not shown here.",
    "Số máy": "Machines",
    "Tác giả": "Author",
    "và {n} luật nhẹ hơn không in ra ở đây.": "and {n} lesser rules not shown here.",
    "Chữ nghiêng là trường đi kèm để dễ hiểu, luật không xét tới. Ký tự ẩn do kẻ tấn công cài vào được hiện bằng mã như {sign}.": "Names in "
    "italics are fields added for understanding; the rule did not look at them. Hidden characters are shown by their code, "
    "such as {sign}.",
    # the report: findings of a rule
    "giống hệt {n} lần": "{n} × the same",
    "gộp {n} sự kiện": "{n} events together",
    "xem đủ {n} ký tự": "see all {n} characters",
    "xem thêm {n} dấu vết": "see {n} more findings",
    "giá trị đầy đủ": "full value",
    "(bỏ bớt {n} ký tự; xem bản ghi gốc)": "({n} characters left out; see the original record)",
    "và {n} lần nữa khác các dòng trên; xem đủ bằng --format jsonl.": "and {n} more unlike those above; --format jsonl gives "
    "all of them.",
    "Về luật này": "About this rule",
    "Tên gốc": "Original title",
    "Mô tả": "Description",
    "Có thể báo nhầm": "May be harmless when",
    "Giấy phép": "Licence",
    "tệp luật không ghi; luật của SigmaHQ theo": "not stated in the rule file; SigmaHQ's rules are under the",
    "Mã luật": "Rule id",
    "tìm ở SigmaHQ": "look it up at SigmaHQ",
    "Tệp luật": "Rule file",
    "Tham khảo": "Reference",
    # the report: foot
    "Để báo cáo đủ gọn, dấu vết của {n} luật nhẹ hơn không được in. Có đủ bằng: dekhang detect … --format jsonl": "To keep the "
    "report small, the findings of {n} lesser rules are not printed. All of them: dekhang detect … --format jsonl",
    "Từng tệp": "Files",
    "Trong thư mục {folder}": "In the folder {folder}",
    "Đọc": "Read",
    "Xét": "Evaluated",
    "Không hiểu": "Not understood",
    "Chỗ hỏng": "Damaged places",
    "Khớp": "Findings",
    "và {n} tệp nữa không in ra ở đây.": "and {n} more files not shown here.",
    "Không đọc được": "Not readable",
    "Nguồn log chưa luật nào xét": "Log sources that no rule reads",
    "Đọc báo cáo này thế nào": "How to read this report",
    "Mỗi luật tìm một cách tấn công đã biết. Luật khớp là dấu hiệu, chưa phải kết luận; luật không khớp không có nghĩa là an toàn. Giờ trong log là UTC, giờ Việt Nam sớm hơn 7 tiếng.": "Each "
    "rule looks for one known way of attack. A match is a sign, not a conclusion; no match does not mean safe. Times in the "
    "logs are UTC; Viet Nam is 7 hours ahead.",
    "Báo cáo là một tệp duy nhất, không tải gì từ mạng, không chạy mã. Nội dung log có thể chứa dữ liệu cá nhân và bí mật của đơn vị: chỉ gửi cho người có trách nhiệm.": "The "
    "report is a single file, loads nothing from the network and runs no code. Logs may hold personal data and secrets: send "
    "it only to those responsible.",
    "Luật giữ tên tác giả và giấy phép của nó; luật của SigmaHQ theo Detection Rule License 1.1. Tên chiến thuật và mã kỹ thuật theo MITRE ATT&CK.": "Rules "
    "keep their authors' names and licences; SigmaHQ's are under the Detection Rule License 1.1. Names of tactics and ids of "
    "techniques follow MITRE ATT&CK.",
}
