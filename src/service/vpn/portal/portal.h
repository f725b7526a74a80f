/* The page where people sign in: a request over HTTPS to an answer, with what it asks of the
 * decisions in signin/signin.h. Knows no socket and no clock; who asks is told with each request.
 *
 *	/			signs in; whoever has is shown the session
 *	/sign-in, /enrol	its forms; /proof: the browser shows its cookie once more
 *	/password, /sign-out	of whoever is signed in
 *	/sessions, /sessions/end	for administrators
 *	/authority.crt		the certificate of the gateway's own authority
 *	/captive		RFC 8908
 *
 * As OWASP's ASVS asks at level 2: no script, all text escaped, forms bound to the browser and
 * the peer (V4.2.2), cookies that only this host over TLS gets back (V3.4), nothing kept in caches
 * (V8.2.1), answers in one way whatever was wrong (V2.2).
 */
#ifndef VPN_PORTAL_PORTAL_H
#define VPN_PORTAL_PORTAL_H

#include "base/writer.h"
#include "proto/http/http1.h"
#include "proto/ip/address.h"
#include "service/vpn/portal/text.h"
#include "service/vpn/signin/signin.h"

struct portal;

enum {
	PORTAL_HEAD_MAX = 8 << 10,    /* bytes of a request's head: answer 431 over it */
	PORTAL_BODY_MAX = 8 << 10,    /* of its body: 413 */
	PORTAL_ANSWER_MAX = 64 << 10, /* of an answer, head and body */
	PORTAL_KEY_LEN = 32,
	PORTAL_NONCE_LEN = 16,
	PORTAL_HOST_MAX = 254 + 6, /* a name, a port, a NUL */
	PORTAL_PEER_NAME_MAX = 64, /* with the NUL */
	PORTAL_PASSWORD_MAX = 256, /* bytes of a new password */
};

struct portal_config {
	const char *name;		    /* the page's, without a dot at the end */
	const struct ip_address *addresses; /* of the page; by them it may be asked as well */
	size_t addresses_n;
	uint16_t port;	       /* of HTTPS */
	struct span authority; /* DER: handed out, and browsers are told to demand nothing yet;
				* empty: a given certificate, and they may demand TLS (HSTS) */
	uint8_t key[PORTAL_KEY_LEN]; /* random: of forms */
	struct signin *signin;	     /* borrowed */
	void *arg;
	/* A peer's name by its key; false: it has gone. */
	bool (*peer_name)(void *arg, const uint8_t *peer, char ret[PORTAL_PEER_NAME_MAX]);
	/* Random bytes. An error is answered with 503. */
	enum err (*random)(void *arg, void *buf, size_t len);
};

/* Copies all but what is borrowed. ENOMEM. */
MUST enum err portal_new(const struct portal_config *config, struct portal **ret);
/* No visit may be under way. Accepts NULL. */
void portal_free(struct portal *p);
DEFINE_AUTO(struct portal, portal_free)

/* Who asks: the peer whose inner address the request came from. */
struct portal_visitor {
	bool must_sign_in; /* false: another host, which the page has nothing for */
	uint8_t peer[SESSION_PEER_LEN];
	struct ip_endpoint endpoint; /* where the peer is, now */
};

/* One request on its way; the caller's storage, zeroed, which stays where it is until it is
 * answered. */
struct portal_visit {
	/* The caller's. */
	struct portal_visitor visitor;
	uint64_t now_ms;	     /* Unix time of the request */
	struct writer *out;	     /* borrowed; the answer, whole */
	void (*answered)(void *arg); /* out is filled */
	void *arg;		     /* borrowed */
	/* Told to the caller, when it is answered: the connection goes on. */
	bool keep_alive;
	/* The page's own. */
	struct portal *portal; /* borrowed */
	enum portal_language language;
	bool head_only, waits; /* waits: the decisions owe an answer */
	bool fresh_nonce;      /* the browser has no form cookie yet */
	uint8_t nonce[PORTAL_NONCE_LEN];
	char session[SESSION_COOKIE_LEN + 1];	/* the cookie that the browser shows; or empty */
	char user[USER_NAME_MAX + 1];		/* as typed, to be shown again */
	char enrolment[SESSION_COOKIE_LEN + 1]; /* the token of one that is under way */
	char password[PORTAL_PASSWORD_MAX + 1]; /* a new one, until it is hashed */
	uint64_t max_age_s;			/* of the cookie in session, if it is new */
};

/* Answers request and its body into out, which has room for PORTAL_ANSWER_MAX bytes; then calls
 * answered, once, perhaps before it returns. Keeps nothing of request and body. */
void portal_serve(struct portal *p, struct portal_visit *v, const struct http_request *request,
		  struct span body);

/* For a request that cannot be read, or is too large or too slow: 400, 408, 413, 431, 503. Answers
 * at once, calls nothing; the connection ends. */
void portal_fault(unsigned status, struct writer *out);

/* Nobody waits any more: answered will not be called. Wipes what is secret in v; accepts one that
 * was never served. */
void portal_forget(struct portal_visit *v);

/* The plain port: whatever was asked for, go to the page (303; 302 for HTTP/1.0). Other methods
 * than GET and HEAD are told 511 with a link (RFC 6585 6): what they carry is not to be repeated by
 * GET. Only /authority.crt of the page itself is given out here, as no browser trusts it before;
 * the tunnel has proved where it is from. */
void portal_redirect(const struct portal *p, const struct http_request *request,
		     struct writer *out);

/* "https://name/" or with a port: the page; good as long as p. */
const char *portal_url(const struct portal *p);

#endif
