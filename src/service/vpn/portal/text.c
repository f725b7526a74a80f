#include "service/vpn/portal/text.h"

#include "base/err.h"

enum {
	RANGES_MAX = 32,      /* of Accept-Language that are looked at */
	WEIGHT_WHOLE = 1000,  /* q=1 in thousandths */
	WEIGHT_DIGITS_MAX = 3 /* RFC 9110 12.4.2 */
};

static const char *const texts[TEXTS][PORTAL_LANGUAGES] = {
	[TEXT_SITE] = {"Network sign-in", "네트워크 로그인"},
	[TEXT_SIGN_IN] = {"Sign in", "로그인"},
	[TEXT_SIGN_IN_WHY] = {"This device is connected, but closed. Sign in to open it.",
			      "이 기기는 연결되었지만 아직 닫혀 있습니다. 로그인하면 열립니다."},
	[TEXT_USER] = {"User name", "사용자 이름"},
	[TEXT_PASSWORD] = {"Password", "비밀번호"},
	[TEXT_CODE] = {"Code", "인증 코드"},
	[TEXT_CODE_HINT] = {"Six digits from your authenticator app, or a backup code.",
			    "인증 앱의 여섯 자리 숫자 또는 백업 코드를 입력하세요."},
	[TEXT_CODE_NONE_YET] = {"No code yet? Leave it empty: you will set one up next.",
				"아직 코드가 없다면 비워 두세요. 다음 단계에서 설정합니다."},
	[TEXT_REFUSED] = {"That did not work. Check all fields and try again, with a new code.",
			  "로그인하지 못했습니다. 모든 항목을 확인하고 새 코드로 다시 시도하세요."},
	[TEXT_WAIT] = {"Too many tries. Wait %s, then try again.",
		       "시도가 너무 많습니다. %s 후에 다시 시도하세요."},
	[TEXT_BUSY] = {"Many people are signing in. Try again in a moment.",
		       "지금 로그인하는 사람이 많습니다. 잠시 후 다시 시도하세요."},
	[TEXT_UNAVAILABLE] = {"Signing in is not possible now. Try again later.",
			      "지금은 로그인할 수 없습니다. 나중에 다시 시도하세요."},
	[TEXT_STALE] = {"This form was too old. Please fill it in again.",
			"양식이 만료되었습니다. 다시 입력해 주세요."},
	[TEXT_OPEN_ELSEWHERE] = {"This device is open already, by a sign-in in another browser.",
				 "이 기기는 다른 브라우저의 로그인으로 이미 열려 있습니다."},
	[TEXT_ENROL] = {"Set up your second factor", "2단계 인증 설정"},
	[TEXT_ENROL_WHY] =
		{"Scan this with an authenticator app, then type the code that it shows.",
		 "인증 앱으로 QR 코드를 스캔한 뒤 앱에 표시된 코드를 입력하세요."},
	[TEXT_ENROL_BY_HAND] = {"Or type this key into the app:",
				"또는 이 키를 앱에 직접 입력하세요:"},
	[TEXT_ENROL_CODE] = {"Code of the app", "앱에 표시된 코드"},
	[TEXT_ENROL_BUTTON] = {"Activate", "활성화"},
	[TEXT_ENROL_OVER] = {"The set-up took too long. Sign in again to begin anew.",
			     "설정 시간이 지났습니다. 다시 로그인해 처음부터 시작하세요."},
	[TEXT_QR] = {"QR code for your authenticator app", "인증 앱용 QR 코드"},
	[TEXT_BACKUP] = {"Your backup codes", "백업 코드"},
	[TEXT_BACKUP_WHY] = {"Keep them in a safe place: each works once, when the app is not at "
			     "hand. They are not shown again.",
			     "안전한 곳에 보관하세요. 앱을 쓸 수 없을 때 코드마다 한 번씩 쓸 수 "
			     "있으며 다시 표시되지 않습니다."},
	[TEXT_BACKUP_LEFT] = {"That was a backup code. Codes left: %s.",
			      "백업 코드를 사용했습니다. 남은 코드: %s개."},
	[TEXT_CONTINUE] = {"Continue", "계속"},
	[TEXT_SIGNED_IN] = {"This device is open", "이 기기는 열려 있습니다"},
	[TEXT_SIGNED_IN_AS] = {"Signed in as %s.", "%s(으)로 로그인했습니다."},
	[TEXT_ENDS_IN] = {"It closes in %s, or when it has rested for too long.",
			  "%s 후에, 또는 오래 쓰지 않으면 닫힙니다."},
	[TEXT_SIGN_OUT] = {"Sign out", "로그아웃"},
	[TEXT_SIGNED_OUT] = {"You are signed out. This device is closed.",
			     "로그아웃했습니다. 이 기기는 닫혔습니다."},
	[TEXT_PROOF] = {"One moment", "잠시만 기다리세요"},
	[TEXT_PROOF_WHY] =
		{"Your device came from a new place. This browser is asked whether it is "
		 "still you.",
		 "기기의 접속 위치가 바뀌었습니다. 이 브라우저로 본인인지 확인합니다."},
	[TEXT_PROVED] = {"Your device moved, and is open again.",
			 "기기의 접속 위치가 바뀌었지만 다시 열렸습니다."},
	[TEXT_NOT_NEEDED] = {"Nothing to do here", "로그인이 필요 없습니다"},
	[TEXT_NOT_NEEDED_WHY] = {"This device does not have to sign in.",
				 "이 기기는 로그인할 필요가 없습니다."},
	[TEXT_CHANGE] = {"Change password", "비밀번호 변경"},
	[TEXT_CHANGE_WHY] = {"All your sessions end. Sign in again with the new password.",
			     "모든 세션이 종료됩니다. 새 비밀번호로 다시 로그인하세요."},
	[TEXT_PASSWORD_NOW] = {"Present password", "현재 비밀번호"},
	[TEXT_PASSWORD_NEW] = {"New password", "새 비밀번호"},
	[TEXT_PASSWORD_AGAIN] = {"New password, again", "새 비밀번호 확인"},
	[TEXT_PASSWORD_HINT] = {"At least 8 characters; several words are best.",
				"8자 이상이어야 하며 여러 단어를 이어 쓰면 더 안전합니다."},
	[TEXT_PASSWORD_SHORT] = {"The new password is too short or too long.",
				 "새 비밀번호가 너무 짧거나 너무 깁니다."},
	[TEXT_PASSWORD_DIFFERS] = {"The new password is not the same in both fields.",
				   "새 비밀번호가 서로 다릅니다."},
	[TEXT_PASSWORD_CHANGED] =
		{"Your password is changed. Sign in with it and a new code.",
		 "비밀번호를 변경했습니다. 새 비밀번호와 새 코드로 로그인하세요."},
	[TEXT_SESSIONS] = {"Sessions", "세션"},
	[TEXT_SESSIONS_NONE] = {"There are none.", "세션이 없습니다."},
	[TEXT_DEVICE] = {"Device", "기기"},
	[TEXT_STATE] = {"State", "상태"},
	[TEXT_STATE_OPEN] = {"open", "열림"},
	[TEXT_STATE_PROOF] = {"moved, to be proved", "이동함, 확인 필요"},
	[TEXT_STATE_CLOSED] = {"closed", "닫힘"},
	[TEXT_END] = {"End", "종료"},
	[TEXT_ENDED] = {"The session is ended.", "세션을 종료했습니다."},
	[TEXT_MORE] = {"More", "더 보기"},
	[TEXT_BACK] = {"Back", "뒤로"},
	[TEXT_NOT_FOUND] = {"There is no such page.", "없는 페이지입니다."},
	[TEXT_NOT_ALLOWED] = {"That is not allowed.", "허용되지 않습니다."},
	[TEXT_AUTHORITY] = {"Certificate of this gateway's authority",
			    "이 게이트웨이 인증 기관의 인증서"},
	[TEXT_HOURS] = {"%s h", "%s시간"},
	[TEXT_MINUTES] = {"%s min", "%s분"},
	[TEXT_SECONDS] = {"%s s", "%s초"},
};

static const struct {
	const char *tag, *name;
} languages[PORTAL_LANGUAGES] = {
	[PORTAL_ENGLISH] = {"en", "English"},
	[PORTAL_KOREAN] = {"ko", "한국어"},
};

const char *portal_text(enum portal_language language, enum portal_text text)
{
	ASSERT(language < PORTAL_LANGUAGES && text < TEXTS);
	return texts[text][language];
}

const char *portal_language_tag(enum portal_language language)
{
	return languages[language].tag;
}

const char *portal_language_name(enum portal_language language)
{
	return languages[language].name;
}

bool portal_language_read(struct span tag, enum portal_language *ret)
{
	for (unsigned i = 0; i < PORTAL_LANGUAGES; i++)
		if (span_equal_nocase(tag, span_text(languages[i].tag))) {
			*ret = (enum portal_language)i;
			return true;
		}
	return false;
}

/* "q=0.8" in thousandths; what cannot be read counts whole, as if it were not there. */
static unsigned weight(struct span parameter)
{
	struct span value = span_trim(parameter);
	unsigned whole = WEIGHT_WHOLE, digits = WEIGHT_WHOLE, sum = 0;
	if (value.len < 3 || (value.data[0] | 0x20) != 'q' || value.data[1] != '=')
		return whole;
	if (value.data[2] != '0')
		return whole;
	for (size_t i = 4; i < value.len && i < 4 + WEIGHT_DIGITS_MAX; i++) {
		if (value.data[i] < '0' || value.data[i] > '9')
			return whole;
		digits /= 10;
		sum += (unsigned)(value.data[i] - '0') * digits;
	}
	return sum;
}

enum portal_language portal_language_choose(struct span accepted)
{
	enum portal_language chosen = PORTAL_ENGLISH, one;
	unsigned best = 0;
	for (unsigned n = 0; accepted.len && n < RANGES_MAX; n++) {
		size_t end = span_find(accepted, ',');
		struct span range = span_sub(accepted, 0, end);
		size_t mark = span_find(range, ';');
		struct span tag = span_trim(span_sub(range, 0, mark));
		unsigned w = weight(span_sub(range, mark + 1, range.len));
		tag = span_sub(tag, 0, span_find(tag, '-')); /* ko-KR is Korean */
		if (w > best && portal_language_read(tag, &one)) {
			chosen = one;
			best = w;
		}
		accepted = span_sub(accepted, end + 1, accepted.len);
	}
	return chosen;
}
