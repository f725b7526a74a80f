/* What the files of the ACME client share: its state. Knows nothing that acme.h does not. */
#ifndef ACME_INNER_H
#define ACME_INNER_H

#include "acme/acme.h"

#include <jansson.h>

enum {
	ACME_NONCE_MAX = 256,
	ACME_ID_MAX = 192, /* of a certificate's identifier (RFC 9773 4.1) */
	ACME_JWK_MAX = 160,
	ACME_THUMBPRINT_MAX = 44,
	ACME_CSR_MAX = 32 * 1024,
	ACME_POLL_MS = 250, /* the first look; doubled to the last */
	ACME_POLL_MAX_MS = 5000,
};

enum acme_errand_kind { ACME_ERRAND_ORDER, ACME_ERRAND_RENEWAL, ACME_ERRAND_REVOKE };

/* In the order in which an errand passes them. */
enum acme_step {
	ACME_STEP_DIRECTORY,
	ACME_STEP_ACCOUNT,
	ACME_STEP_RENEWAL, /* GET, unsigned */
	ACME_STEP_REVOKE,
	ACME_STEP_ORDER,
	ACME_STEP_AUTHORIZATION, /* looked at, before the challenge and until it is decided */
	ACME_STEP_PROOF,	 /* ours to show */
	ACME_STEP_CHALLENGE,
	ACME_STEP_ORDER_LOOK,
	ACME_STEP_FINALIZE,
	ACME_STEP_CERTIFICATE,
	ACME_STEP_ALTERNATE,
};

struct acme_errand {
	enum acme_errand_kind kind;
	enum acme_step step;
	uint64_t until_ms, wait_ms;
	unsigned nonce_tries, polls;
	bool under_way; /* a request is, and its answer is waited for */
	bool anew;	/* the account was unknown to the authority and is made anew */
	bool is_head;	/* the request under way asks for a nonce only */
	char *body;	/* of the request under way; owned */

	char id[ACME_ID_MAX]; /* of the certificate that is asked about, or followed */
	unsigned reason;
	char *certificate; /* to be revoked: DER as base64url; owned */

	enum acme_challenge challenge;
	char names[ACME_NAMES_MAX][ACME_NAME_MAX];
	size_t names_n;
	char *key_pem; /* owned, wiped */
	char order[ACME_URL_MAX], finalize[ACME_URL_MAX], fetch[ACME_URL_MAX];
	char authorizations[ACME_NAMES_MAX][ACME_URL_MAX];
	size_t authorizations_n, at;
	bool asked; /* the challenge of this authorization was answered */
	char name[ACME_NAME_MAX], token[ACME_TOKEN_MAX], try_at[ACME_URL_MAX];
	char proof[ACME_PROOF_MAX], dns[ACME_THUMBPRINT_MAX];
	uint8_t digest[32];
	char alternates[ACME_LINKS_MAX][ACME_URL_MAX];
	size_t alternates_n, alternate;
};

struct acme {
	char directory[ACME_URL_MAX];
	size_t origin_len; /* of the directory: "https://host:port" */
	json_t *contacts;
	bool terms_agreed;
	char *external_id, *chain;
	uint8_t external_key[512];
	size_t external_key_len;
	struct signing_key *key;
	char jwk[ACME_JWK_MAX], thumbprint[ACME_THUMBPRINT_MAX];

	/* What the directory says. */
	char new_nonce[ACME_URL_MAX], new_account[ACME_URL_MAX], new_order[ACME_URL_MAX];
	char revoke[ACME_URL_MAX], renewal[ACME_URL_MAX]; /* "": it has none */

	char account_url[ACME_URL_MAX], nonce[ACME_NONCE_MAX];
	struct acme_errand *errand; /* NULL: none is on */
	struct acme_result result;
	char *chain_pem; /* result.chain_pem */
	struct acme_counts counts;
	char url[ACME_URL_MAX + ACME_ID_MAX]; /* of the request, where it is composed */
};

/* --- acme.c --- */

/* The errand is over. */
void acme_end(struct acme *a, enum err e);
/* It is over because of what the authority sent, in these words. */
void acme_end_bad(struct acme *a, const char *text);

/* --- jws.c: signed bodies; NULL: no memory. The caller frees --- */

/* jwk and thumbprint of the key. */
MUST enum err acme_jws_init(struct acme *a);
/* payload: text of JSON, "" for POST-as-GET. by_key: with the key itself, for who has no account.
 */
char *acme_jws(const struct acme *a, const char *url, const char *payload, bool by_key);
/* RFC 8555 7.3.4. */
json_t *acme_jws_external(const struct acme *a);

/* --- request.c: what a step asks; its url is borrowed --- */

const char *acme_step_url(struct acme *a);
bool acme_step_is_get(enum acme_step step);
char *acme_step_body(const struct acme *a, const char *url);

/* --- answer.c: the steps' answers, when they are none of trouble --- */

void acme_take(struct acme *a, uint64_t now_ms, uint64_t unix_s, const struct acme_answer *answer);
/* Look again, when the authority says or a little later each time. */
void acme_poll(struct acme *a, uint64_t now_ms, uint64_t unix_s, const struct acme_answer *answer);

/* --- problem.c --- */

/* The first field of that name, or an empty span. */
struct span acme_field(const struct acme_answer *answer, const char *name);
/* Seconds of Retry-After (RFC 9110 10.2.3); 0: none. */
uint64_t acme_retry_after(const struct acme_answer *answer, uint64_t unix_s);
/* RFC 7807 and RFC 8555 6.7, cleaned. json may be NULL. */
void acme_problem_take(const json_t *json, unsigned status, struct acme_problem *ret);
/* An address of the directory's origin into ret; false: it is none. */
bool acme_url_take(const struct acme *a, const char *text, char ret[ACME_URL_MAX]);
/* NULL: no such text, or none at all. */
const char *acme_text(const json_t *of, const char *key);
/* Links of that relation (RFC 8288) that are addresses of the origin. */
size_t acme_links(const struct acme *a, const struct acme_answer *answer, const char *relation,
		  char ret[ACME_LINKS_MAX][ACME_URL_MAX]);

#endif
