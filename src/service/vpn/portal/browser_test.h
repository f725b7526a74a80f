/* A browser for tests of the page: keeps cookies, finds the form's token in the last page, asks the
 * portal beside the stage of the sign-in. Knows no test. */
#ifndef VPN_PORTAL_BROWSER_TEST_H
#define VPN_PORTAL_BROWSER_TEST_H

#include "service/vpn/portal/portal.h"
#include "service/vpn/signin/signin_stage_test.h"

enum { BROWSER_COOKIES = 4, BROWSER_TEXT = 256 };

struct browser {
	struct stage stage;
	struct portal *portal;
	size_t peer; /* of the stage */
	struct {
		char name[32], value[64];
	} cookies[BROWSER_COOKIES];
	const char *host, *headers; /* more of the next request; NULL: none */
	unsigned random;
	/* The last answer. */
	char answer[PORTAL_ANSWER_MAX + 1];
	struct http_response head;
	unsigned answers;
	struct portal_visit visit;
	struct writer out;
};

void browser_open(struct browser *b);
void browser_close(struct browser *b);
/* Each returns the status; the stage runs unless it holds. */
unsigned browser_get(struct browser *b, const char *path);
/* fields: after the form's token, which is taken from the last page; NULL: no token either. */
unsigned browser_post(struct browser *b, const char *path, const char *fields);
unsigned browser_ask(struct browser *b, const char *text);
/* A field of the last answer's head; NULL: not there. */
const char *browser_header(struct browser *b, const char *name);
bool browser_sees(const struct browser *b, const char *text);
/* What stands between two texts in the last answer. */
const char *browser_between(const struct browser *b, const char *before, const char *after);
const char *browser_cookie(const struct browser *b, const char *name);

#endif
