/* The client's side of ACME (RFC 8555), of its challenges (also RFC 8737) and of renewal
 * information (RFC 9773): one account at one authority, one errand at a time. Does no I/O and knows
 * no clock, no certificate but the one it fetches, and nothing of when to renew (renewal.h).
 *
 *	acme_order(a, …);				an errand begins
 *	for (;;)
 *		switch (acme_want(a, now, &want)) {
 *		case ACME_WANT_REQUEST:	make want.request; acme_answer(a, now, …) or
 *					acme_unanswered(a, why)
 *		case ACME_WANT_PROOF:	show want.proof; then acme_shown(a, OK or why not)
 *		case ACME_WANT_TIME:	come again at want.at_ms
 *		case ACME_WANT_NOTHING:	acme_result(a): the errand is over
 *		}
 *
 * What the authority answers is a stranger's text: each size is bounded, each address must be of
 * the directory's own origin, each token must be one; all else ends the errand and is counted by
 * its problem. Allocates while an errand is on; no packet waits for it.
 */
#ifndef ACME_ACME_H
#define ACME_ACME_H

#include "base/err.h"
#include "base/span.h"

enum {
	ACME_URL_MAX = 512,	      /* bytes with the NUL */
	ACME_NAME_MAX = 254,	      /* bytes with the NUL */
	ACME_NAMES_MAX = 64,	      /* of one certificate */
	ACME_TOKEN_MAX = 129,	      /* bytes with the NUL */
	ACME_PROOF_MAX = 129 + 44,    /* a key authorization: token, dot, thumbprint, NUL */
	ACME_TEXT_MAX = 256,	      /* of a problem's explanation, with the NUL */
	ACME_ANSWER_MAX = 256 * 1024, /* bytes of an answer's body */
	ACME_LINKS_MAX = 8,	      /* Link fields of an answer that are looked at */
	ACME_NONCE_TRIES = 40,	      /* for one request (RFC 8555 6.5) */
	ACME_POLLS_MAX = 240,	      /* looks at one authorization or order */
	ACME_ERRAND_MS = 1800 * 1000, /* an order that takes longer has failed */
};

enum acme_challenge { ACME_HTTP_01, ACME_TLS_ALPN_01, ACME_DNS_01, ACME_CHALLENGES };
/* "http-01"; never NULL. */
const char *acme_challenge_text(enum acme_challenge c);

/* Whom we speak to, and as whom. */
struct acme_conf {
	const char *directory;	     /* https://… */
	const char *const *contacts; /* mailto:… */
	size_t contacts_n;
	bool terms_agreed;
	/* RFC 8555 7.3.4; kid NULL: none. */
	const char *external_id;
	struct span external_key; /* as HMAC takes it */
	/* Of several chains the one whose last certificate was issued by this common name (RFC 8555
	 * 7.4.2); NULL, or none such: the authority's first. */
	const char *chain;
	struct span account_key_pem; /* crypto/signing_key.h */
	const char *account_url;     /* NULL: not known; the account is made or found by its key */
};

struct acme;

/* Copies all. ERR_FORMAT: the directory is no https address, or the key is none of P-256. */
MUST enum err acme_new(const struct acme_conf *conf, struct acme **ret);
void acme_free(struct acme *a); /* accepts NULL */
DEFINE_AUTO(struct acme, acme_free)

/* --- errands: one at a time; ERR_EXISTS while one is on --- */

struct acme_order {
	const char *const *names; /* of the DNS, lower case; "*.…" only by dns-01 */
	size_t names_n;
	enum acme_challenge challenge; /* the only one that is used */
	struct span key_pem;	       /* of the certificate; made for it alone */
	struct span replaces_pem;      /* the chain that it follows (RFC 9773 5); empty: none */
};
/* A certificate. ERR_FORMAT: a name or the key is none. */
MUST enum err acme_order(struct acme *a, uint64_t now_ms, const struct acme_order *order);
/* When that certificate should be renewed (RFC 9773). ERR_FORMAT: it says not whose it is. */
MUST enum err acme_ask_renewal(struct acme *a, uint64_t now_ms, struct span chain_pem);
/* RFC 8555 7.6. reason: RFC 5280 5.3.1. */
MUST enum err acme_revoke(struct acme *a, uint64_t now_ms, struct span chain_pem, unsigned reason);
/* The errand fails with ERR_CLOSED; what was wanted is wanted no more. */
void acme_stop(struct acme *a);

/* --- what it wants --- */

enum acme_want_kind { ACME_WANT_NOTHING, ACME_WANT_REQUEST, ACME_WANT_PROOF, ACME_WANT_TIME };

/* Texts and spans are good until the next call on a. */
struct acme_request {
	const char *method; /* GET, HEAD, POST */
	const char *url;    /* https, of the directory's origin */
	const char *type;   /* Content-Type; NULL: no body */
	struct span body;
};

/* What the authority will look for. */
struct acme_proof {
	enum acme_challenge challenge;
	const char *name;	   /* without "*." */
	const char *token;	   /* base64url */
	const char *authorization; /* http-01: the text at /.well-known/acme-challenge/TOKEN */
	const char *dns;	   /* dns-01: the TXT record of _acme-challenge.NAME */
	uint8_t digest[32];	   /* tls-alpn-01: acmeIdentifier (RFC 8737 3) */
};

struct acme_want {
	struct acme_request request;
	struct acme_proof proof;
	uint64_t at_ms; /* WANT_TIME */
};
/* now_ms: monotonic. The same want again until it was dealt with. */
enum acme_want_kind acme_want(struct acme *a, uint64_t now_ms, struct acme_want *ret);

struct acme_field {
	struct span name, value;
};
struct acme_answer {
	unsigned status;
	const struct acme_field *fields;
	size_t fields_n;
	struct span body;
};
/* unix_s: for a Retry-After with a date. An answer that nobody waits for is dropped. */
void acme_answer(struct acme *a, uint64_t now_ms, uint64_t unix_s,
		 const struct acme_answer *answer);
/* No answer came: the authority is away, or is not who it should be. Ends the errand. */
void acme_unanswered(struct acme *a, enum err why);
/* The proof can be seen (OK), or could not be shown. It is to be taken away when another proof is
 * wanted or the errand is over. */
void acme_shown(struct acme *a, enum err shown);

/* --- what came of it --- */

struct acme_problem {
	unsigned status;	  /* of HTTP; 0: not from the authority */
	char type[48];		  /* "rateLimited", without its URN; "" */
	char text[ACME_TEXT_MAX]; /* printable ASCII; "" */
};

/* Of renewal information. */
struct acme_window {
	uint64_t from_s, until_s; /* Unix time; until_s 0: the authority has none */
	uint64_t again_s;	  /* ask again after so many seconds, 60 to 86400 (RFC 9773 4.3) */
};

struct acme_result {
	enum err error; /* OK, or what the errand failed by: problem says more */
	struct acme_problem problem;
	uint64_t retry_after_s; /* the authority asks for that much patience; 0: it says nothing */
	struct span chain_pem;	/* of an order */
	struct acme_window window;
};
/* Of the last errand; good until the next begins. Before the first: ERR_ABSENT. */
const struct acme_result *acme_result(const struct acme *a);
/* "" until the authority told it; to be kept with the key. */
const char *acme_account_url(const struct acme *a);

struct acme_counts {
	uint64_t requests, unanswered, bad_nonces, bad_answers, problems, rate_limited;
	uint64_t issued, failed;
};
const struct acme_counts *acme_counts(const struct acme *a);

#endif
