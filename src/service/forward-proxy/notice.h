/* The page by which it is announced that TLS is inspected, and the authority handed out. Knows
 * neither whose, nor how.
 */
#ifndef FORWARD_PROXY_NOTICE_H
#define FORWARD_PROXY_NOTICE_H

#include "service/forward-proxy/page.h"

enum { NOTICE_MAX = 8192 };

struct notice {
	enum page_language language;
	struct span proxy;	 /* our name */
	struct span contact;	 /* the configuration's words; may be empty */
	const char *fingerprint; /* of the authority: SHA-256 */
	uint64_t until_s;	 /* its end, since 1970 */
	bool mine;		 /* who asks is among those whose TLS is inspected now */
};

/* HTML; w is bad when it does not fit, which NOTICE_MAX always does. */
void notice_write(const struct notice *n, struct writer *w);

#endif
