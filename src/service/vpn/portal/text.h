/* What the page says, in the languages that it speaks, and which one a browser wants. Knows nothing
 * of HTML. */
#ifndef VPN_PORTAL_TEXT_H
#define VPN_PORTAL_TEXT_H

#include "base/span.h"

enum portal_language { PORTAL_ENGLISH, PORTAL_KOREAN, PORTAL_LANGUAGES };

enum portal_text {
	TEXT_SITE, /* the title of all pages */
	TEXT_SIGN_IN,
	TEXT_SIGN_IN_WHY,
	TEXT_USER,
	TEXT_PASSWORD,
	TEXT_CODE,
	TEXT_CODE_HINT,
	TEXT_CODE_NONE_YET,
	TEXT_REFUSED,
	TEXT_WAIT, /* %s: a time */
	TEXT_BUSY,
	TEXT_UNAVAILABLE,
	TEXT_STALE, /* the form is too old, or another browser's */
	TEXT_OPEN_ELSEWHERE,
	TEXT_ENROL,
	TEXT_ENROL_WHY,
	TEXT_ENROL_BY_HAND,
	TEXT_ENROL_CODE,
	TEXT_ENROL_BUTTON,
	TEXT_ENROL_OVER,
	TEXT_QR,
	TEXT_BACKUP,
	TEXT_BACKUP_WHY,
	TEXT_BACKUP_LEFT, /* %s: a number */
	TEXT_CONTINUE,
	TEXT_SIGNED_IN,
	TEXT_SIGNED_IN_AS, /* %s: a name */
	TEXT_ENDS_IN,	   /* %s: a time */
	TEXT_SIGN_OUT,
	TEXT_SIGNED_OUT,
	TEXT_PROOF,
	TEXT_PROOF_WHY,
	TEXT_PROVED,
	TEXT_NOT_NEEDED,
	TEXT_NOT_NEEDED_WHY,
	TEXT_CHANGE,
	TEXT_CHANGE_WHY,
	TEXT_PASSWORD_NOW,
	TEXT_PASSWORD_NEW,
	TEXT_PASSWORD_AGAIN,
	TEXT_PASSWORD_HINT,
	TEXT_PASSWORD_SHORT,
	TEXT_PASSWORD_DIFFERS,
	TEXT_PASSWORD_CHANGED,
	TEXT_SESSIONS,
	TEXT_SESSIONS_NONE,
	TEXT_DEVICE,
	TEXT_STATE,
	TEXT_STATE_OPEN,
	TEXT_STATE_PROOF,
	TEXT_STATE_CLOSED,
	TEXT_END,
	TEXT_ENDED,
	TEXT_MORE,
	TEXT_BACK,
	TEXT_NOT_FOUND,
	TEXT_NOT_ALLOWED,
	TEXT_AUTHORITY,
	TEXT_HOURS, /* %s: a number; so the next two */
	TEXT_MINUTES,
	TEXT_SECONDS,
	TEXTS,
};

/* Never NULL. Those with %s hold it once. */
const char *portal_text(enum portal_language language, enum portal_text text);

/* "en", "ko". */
const char *portal_language_tag(enum portal_language language);
/* Its own name: "English". */
const char *portal_language_name(enum portal_language language);
/* Of a tag as portal_language_tag gives it; false: none of ours. */
bool portal_language_read(struct span tag, enum portal_language *ret);

/* The one of ours that the value of Accept-Language prefers (RFC 9110 12.5.4); English when it
 * names neither. */
enum portal_language portal_language_choose(struct span accepted);

#endif
