/* Why a request goes nowhere: a word for logs and labels, the status, what Proxy-Status says of it
 * (RFC 9209), and a sentence for people. Knows no request.
 */
#ifndef FORWARD_PROXY_REFUSAL_H
#define FORWARD_PROXY_REFUSAL_H

#include "base/span.h"
#include "proxy/end.h"

enum refusal {
	REFUSAL_NONE,
	REFUSAL_ADDRESS, /* the target is no host and port, or could be read as two */
	REFUSAL_OWN,	 /* it is for ourselves, and we have no such page */
	REFUSAL_SCHEME,	 /* https: by CONNECT; others: not at all */
	REFUSAL_PORT,
	REFUSAL_INSIDE,
	REFUSAL_ABSENT, /* there is no such name */
	REFUSAL_UNTOLD, /* no resolver could tell */
	REFUSAL_BUSY,
	REFUSAL_LOOP,
	REFUSAL_HOPS, /* Max-Forwards is no number */
	REFUSAL_MEMORY,
	REFUSAL_SIGN_IN,	    /* 407: it depends on who it is */
	REFUSAL_GUESSES,	    /* too many wrong passwords from there */
	REFUSAL_USERS_UNTOLD,	    /* nobody can say now whether a password is right */
	REFUSAL_CLEAR,		    /* 403: as REFUSAL_SIGN_IN, where no password is asked for */
	REFUSAL_RULE,		    /* of the configuration */
	REFUSAL_BLOCKED,	    /* by the policy */
	REFUSAL_PATH,		    /* likewise, for its path and not for its name */
	REFUSAL_TYPE,		    /* of an answer */
	REFUSAL_SIZE,		    /* likewise */
	REFUSAL_ASKED_RULE,	    /* of a name asked for by TLS in a tunnel: as REFUSAL_RULE */
	REFUSAL_ASKED_BLOCKED,	    /* as REFUSAL_BLOCKED */
	REFUSAL_HELLO,		    /* what begins as TLS and cannot be read */
	REFUSAL_NO_TLS,		    /* where nothing else may be */
	REFUSAL_QUOTA,		    /* used up */
	REFUSAL_CROWD,		    /* the client has too many of them at once */
	REFUSAL_MISDIRECTED,	    /* inside TLS: for another host than it was spoken with */
	REFUSAL_SERVER_CERTIFICATE, /* of a server that is inspected: it is not good */
	REFUSAL_SERVER_TLS,	    /* likewise: the handshake failed */
	REFUSAL_ANSWER,		    /* an origin's answer that only a proxy may give: 407 */
	REFUSAL_UPSTREAM,	    /* no server of `upstreams` that leads there is to be found */
	REFUSAL_UPSTREAM_SIGN_IN,   /* one does not take our password */
	REFUSALS,
};

enum page_language { PAGE_ENGLISH, PAGE_KOREAN, PAGE_LANGUAGES };

struct refusal_facts {
	const char *word;
	unsigned status;
	const char *error;		  /* RFC 9209 2.3 */
	const char *text[PAGE_LANGUAGES]; /* a sentence, UTF-8 */
};

const struct refusal_facts *refusal_facts(enum refusal why);

/* Of what the core says itself: connections that fail, times that pass. */
struct refusal_facts refusal_of_cause(enum proxy_cause cause, unsigned status);

#endif
