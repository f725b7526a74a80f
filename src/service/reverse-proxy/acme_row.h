/* What is kept of ACME, as rows of a store: accounts, certificates, when each is to be renewed, who
 * orders it now, and the proofs that other gateways must be able to show. Private keys are sealed
 * for their place. Does no I/O and knows no store.
 *
 * A certificate with its key is longer than a row: it is sealed whole, and cut into parts of one
 * generation, which are written in one commit.
 */
#ifndef REVERSE_PROXY_ACME_ROW_H
#define REVERSE_PROXY_ACME_ROW_H

#include "acme/acme.h"
#include "base/writer.h"
#include "crypto/certificate_order.h"
#include "crypto/sealed.h"
#include "crypto/signing_key.h"

enum acme_table {
	ACME_TABLE_ACCOUNTS,
	ACME_TABLE_CERTIFICATES,
	ACME_TABLE_SCHEDULES,
	ACME_TABLE_LEASES,
	ACME_TABLE_PROOFS,
	ACME_TABLES,
};

enum {
	ACME_ID_TEXT = 33, /* bytes of an identity's text, with the NUL */
	ACME_PART_MAX = 4000,
	ACME_PART_HEAD = 11,
	ACME_PARTS_MAX = 24,
	ACME_PART_KEY = ACME_ID_TEXT + 3,
	ACME_CHAIN_MAX = 80 * 1024,
	ACME_ERROR_MAX = 240, /* of a schedule's error, with the NUL */
	ACME_ACCOUNT_MAX = 2048,
	ACME_SCHEDULE_MAX = 512,
	ACME_PROOF_ROW_MAX = 1024,
	ACME_HOLDER_LEN = 16,
};

/* Of an account: by its authority's directory. Of a certificate: by that, the kind of its key, and
 * its names, in whatever order. */
void acme_id_of_account(const char *directory, char ret[ACME_ID_TEXT]);
void acme_id_of_certificate(const char *directory, unsigned key_type, const char *const *names,
			    size_t n, char ret[ACME_ID_TEXT]);

struct acme_account {
	char key_pem[SIGNING_KEY_PEM_MAX];
	char url[ACME_URL_MAX]; /* "": not known */
};
void acme_account_done(struct acme_account *a); /* wipes */
MUST enum err acme_account_write(const struct acme_account *a, const struct sealed_key *key,
				 struct span id, struct writer *w);
/* ERR_REFUSED: sealed by another key, or torn; ERR_FORMAT. */
MUST enum err acme_account_read(struct span row, const struct sealed_key *key, struct span id,
				struct acme_account *ret);

/* The sealed bytes of a certificate; *ret is the caller's to free. ERR_LIMIT: too long. */
MUST enum err acme_certificate_seal(struct span chain_pem, struct span key_pem,
				    const struct sealed_key *key, struct span id, uint8_t **ret,
				    size_t *ret_len);
/* Both spans lie in *ret, which is the caller's to wipe (ret_len bytes) and free. ERR_REFUSED,
 * ERR_FORMAT. */
MUST enum err acme_certificate_open(struct span sealed, const struct sealed_key *key,
				    struct span id, uint8_t **ret, size_t *ret_len,
				    struct span *ret_chain, struct span *ret_key);

/* Part number n of the sealed bytes, and its key. */
size_t acme_parts(size_t sealed_len);
void acme_part_write(struct span sealed, uint64_t generation, size_t n, struct writer *w);
void acme_part_key(const char *id, size_t n, char ret[ACME_PART_KEY]);
/* "ID/3": false: no such key. */
bool acme_part_key_read(struct span key, char ret_id[ACME_ID_TEXT], size_t *ret_n);

/* Parts as they come, in any order. Zeroed storage is empty. */
struct acme_parts {
	uint64_t generation;
	size_t n, have;
	uint8_t *bytes[ACME_PARTS_MAX]; /* owned */
	size_t len[ACME_PARTS_MAX];
};
void acme_parts_done(struct acme_parts *p);
/* PARSE-like: OK with *ret_whole: all of them are there. ERR_FORMAT: no part; ENOMEM. */
MUST enum err acme_parts_take(struct acme_parts *p, size_t n, struct span row, bool *ret_whole);
/* Together; the caller frees. NULL: no memory. */
uint8_t *acme_parts_join(const struct acme_parts *p, size_t *ret_len);

/* When something is to be done for a certificate. Unix seconds; 0: not set. */
struct acme_schedule {
	uint64_t issued_s; /* it came, by our clock */
	uint64_t due_s;	   /* it is to be renewed */
	uint64_t again_s;  /* the authority is asked for its window again */
	uint64_t chance;   /* drawn once for a certificate */
	uint64_t retry_s;  /* not before: after failures, and after early renewals */
	uint32_t failures;
	uint32_t early; /* renewals in a row of certificates that had hardly begun to live */
	char error[ACME_ERROR_MAX]; /* of the last failure; "": none since the last success */
};
/* After a certificate with that life came at now_s: what is before it is in *s. Who is told again
 * and again to renew at once, by a window or by a clock that is wrong, is patient: an hour after
 * the second time, then twice as long each time, up to a third of the life. */
void acme_schedule_issued(struct acme_schedule *s, uint64_t now_s, uint64_t life_s,
			  uint64_t chance);
/* Whether the rows of a certificate that nobody here wants may go. until_s: its end, 0: none was
 * ever issued. A try after its end counts like one: another gateway wants it, and its authority is
 * away. One of which nothing is known stays. */
bool acme_schedule_is_left(const struct acme_schedule *s, uint64_t until_s, uint64_t keep_s,
			   uint64_t now_s);
void acme_schedule_write(const struct acme_schedule *s, struct writer *w);
MUST enum err acme_schedule_read(struct span row, struct acme_schedule *ret);

/* What an authority will look for, wherever it looks. */
struct acme_proof_row {
	enum acme_challenge challenge; /* http-01, tls-alpn-01 */
	char name[ACME_NAME_MAX];
	char token[ACME_TOKEN_MAX];
	char authorization[ACME_PROOF_MAX];
	uint8_t digest[32];
};
void acme_proof_write(const struct acme_proof_row *p, struct writer *w);
MUST enum err acme_proof_read(struct span row, struct acme_proof_row *ret);

#endif
