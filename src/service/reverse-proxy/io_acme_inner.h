/* What the files io_acme*.c share: the thread's state. Knows nothing beyond io_acme.h.
 *
 * The thread alone changes what is here; what the main thread reads too (marked +) is changed under
 * the lock, and what it writes is marked -.
 */
#ifndef REVERSE_PROXY_IO_ACME_INNER_H
#define REVERSE_PROXY_IO_ACME_INNER_H

#include "os/loop.h"
#include "os/thread.h"
#include "service/reverse-proxy/conf.h"
#include "service/reverse-proxy/io_acme.h"
#include "service/reverse-proxy/io_acme_dns.h"
#include "service/reverse-proxy/io_acme_https.h"
#include "service/reverse-proxy/io_acme_proofs.h"

#include <stdatomic.h>

enum {
	ACME_POLL_STORE_MS = 500, /* other gateways' rows are asked for */
	ACME_SHARE_MS = 1500,	  /* they have them by then */
	ACME_LEASE_MS = 60000,	  /* of a holder that says nothing */
	ACME_LEASE_RENEW_MS = 15000,
	ACME_TIDY_MS = 10000, /* between looks for rows that nobody wants */
	ACME_LOOK_MS = 30000, /* longest sleep: the wall clock may leap */
	ACME_EVENTS_MAX = 32,
};

/* A certificate: one of the configuration, or one that the store has. */
struct acme_held {
	char id[ACME_ID_TEXT];	       /* + */
	struct acme_parts parts;       /* as they come from the store */
	uint64_t generation;	       /* of what is here; 0: nothing is */
	struct tls_chain *chain;       /* + counted; NULL: none */
	char *chain_pem;	       /* owned; of chain */
	uint64_t from_s, until_s;      /* of chain */
	struct acme_schedule schedule; /* + */
	uint8_t *unsaved;	       /* owned; sealed bytes that the store did not take yet */
	size_t unsaved_len;
	bool unsaved_schedule, unsaved_told;
	/* Of the rows as they were last seen; 0: there is none. */
	uint64_t part_versions[ACME_PARTS_MAX], schedule_version, proof_version;
	uint64_t parts_generation; /* that the part seen last says; 0: it cannot be read */
	bool schedule_foreign;	   /* there is one that cannot be read */

	bool wanted;			  /* by the configuration in force */
	size_t certificate;		  /* its place there */
	struct acme_authority *authority; /* while it is wanted; borrowed */
	atomic_bool hurry;		  /* whatever the schedule says; any thread */
	bool waits_told;
	bool orders; /* + */

	/* Who orders it, as far as is known: judged by whether the row changes, as clocks of
	 * gateways differ. */
	bool leased, ours; /* + a row is there; by us */
	uint64_t lease_version, lease_seen_ms;
	char token[ACME_TOKEN_MAX]; /* of another gateway's proof; "" */
};

enum acme_errand { ACME_ERRAND_NONE, ACME_ERRAND_CERTIFICATE, ACME_ERRAND_WINDOW };

/* One errand at a time at each. */
struct acme_authority {
	struct reverse_acme *of; /* borrowed */
	struct acme_authority *next;
	struct config *config; /* counted; that of conf, which outlives a reload while it is busy */
	const struct reverse_conf *site;
	const struct reverse_authority_conf *conf;
	bool wanted;	       /* by the configuration in force */
	struct acme *engine;   /* NULL: until the account is known */
	char id[ACME_ID_TEXT]; /* of the account */
	uint64_t retry_s;      /* it is away, or wants patience of all */
	struct acme_https https;
	struct acme_dns dns;
	struct loop_timer timer;

	enum acme_errand errand;
	bool hurried;			       /* somebody asked for it */
	struct acme_held *held;		       /* it is for */
	char key_pem[CERTIFICATE_KEY_PEM_MAX]; /* of the order; wiped at its end */
	struct loop_timer lease;
	struct acme_proof_row shown;
	char shown_dns[64];
	bool is_shown; /* also while it is taken away again */
	bool showing, removing;
	enum acme_challenge shown_by;
	struct acme_counts counts; /* of engines that are gone */
};

struct reverse_acme {
	void (*wake)(void *arg);
	void *wake_arg; /* borrowed */
	struct loop loop;
	struct thread thread;
	bool has_loop;
	struct acme_proofs *proofs;
	pthread_mutex_t lock;

	struct config *next;		/* - counted; NULL: none */
	struct tls_client **next_trust; /* - by place in authorities; counted, owned */
	size_t next_trust_n;
	bool stop; /* - */

	struct config *config; /* counted; in force; NULL: none yet */
	const struct reverse_conf *conf;
	uint64_t follow_ms; /* monotonic: another configuration waits until then; 0: none does */
	struct acme_authority *authorities;
	struct acme_held **held; /* + owned */
	size_t held_n, held_room;
	bool news;					   /* + */
	struct reverse_acme_event events[ACME_EVENTS_MAX]; /* + */
	size_t events_n;
	struct reverse_acme_counts counts; /* + */

	struct store *store; /* NULL: there are no authorities */
	bool opened, shared, loaded;
	struct sealed_key key;
	uint8_t self[ACME_HOLDER_LEN]; /* by chance: who we are in leases */
	struct acme_account *accounts; /* of the rows; owned */
	char (*account_ids)[ACME_ID_TEXT];
	size_t accounts_n;
	struct loop_timer look, poll;
	uint64_t tidy_ms; /* monotonic: when it is due again */
};

static inline void acme_lock(struct reverse_acme *a)
{
	(void)pthread_mutex_lock(&a->lock);
}
static inline void acme_unlock(struct reverse_acme *a)
{
	(void)pthread_mutex_unlock(&a->lock);
}

/* --- io_acme.c --- */

struct acme_held *acme_held_find(const struct reverse_acme *a, const char *id);
/* Found, or made. NULL: no memory. */
struct acme_held *acme_held_get(struct reverse_acme *a, const char *id);
/* It is forgotten. Nobody wants it, and no errand is for it. */
void acme_held_drop(struct reverse_acme *a, struct acme_held *h);
/* The names of an entry as an order has them: lower case, no dot at the end. */
struct acme_names {
	char text[REVERSE_CERTIFICATE_NAMES_MAX][ACME_NAME_MAX];
	const char *list[REVERSE_CERTIFICATE_NAMES_MAX];
	size_t n;
};
void acme_names_of(const struct reverse_certificate_conf *c, struct acme_names *ret);
void acme_id_of(const struct reverse_conf *conf, const struct reverse_certificate_conf *c,
		char ret[ACME_ID_TEXT]);
/* The entry of one that is wanted. */
const struct reverse_certificate_conf *acme_entry(const struct acme_held *h);
void acme_first_name(const struct acme_held *h, char ret[ACME_NAME_MAX]);
/* The certificate is in place from now on; chain is taken. */
enum err acme_held_set(struct reverse_acme *a, struct acme_held *h, struct tls_chain *chain,
		       struct span chain_pem, uint64_t generation);
void acme_tell(struct reverse_acme *a, const struct acme_held *h, const char *what,
	       const char *why);
/* Something may be due now. */
void acme_look_soon(struct reverse_acme *a);

/* --- io_acme_rows.c: blocking, in the one thread that has the store --- */

MUST enum err acme_rows_new(struct reverse_acme *a, const struct reverse_conf *conf,
			    const char *folder);
/* Opens and reads all, when that was not done yet. Permanent errors are logged and returned. */
MUST enum err acme_rows_load(struct reverse_acme *a);
/* What others wrote, what could not be written before. */
void acme_rows_turn(struct reverse_acme *a);
/* The account of that identity: known, or made. */
MUST enum err acme_rows_account(struct reverse_acme *a, const char *id, struct acme_account *ret);
void acme_rows_account_url(struct reverse_acme *a, const char *id, const char *url);
/* What h is by now; what the store does not take is tried again later. */
void acme_rows_certificate(struct reverse_acme *a, struct acme_held *h, struct span chain_pem,
			   struct span key_pem);
void acme_rows_schedule(struct reverse_acme *a, struct acme_held *h);
MUST enum err acme_rows_commit(struct reverse_acme *a, struct store_item *items, size_t n);
MUST enum err acme_rows_put(struct reverse_acme *a, enum acme_table table, const char *key,
			    struct span value);
/* What is not there any more may be; what stays grows old by itself. */
void acme_rows_drop(struct reverse_acme *a, enum acme_table table, const char *key);
void acme_rows_done(struct reverse_acme *a);

/* --- io_acme_tidy.c --- */

/* Rows of certificates that nobody wants go, by and by; after acme_rows_turn. */
void acme_rows_tidy(struct reverse_acme *a);

/* --- io_acme_share.c --- */

/* OK: it is ours to order; ERR_EXISTS: another gateway's; others: the store is away. */
MUST enum err acme_rows_lease(struct reverse_acme *a, struct acme_held *h);
void acme_rows_unlease(struct reverse_acme *a, struct acme_held *h);
/* For other gateways to show. */
MUST enum err acme_rows_proof(struct reverse_acme *a, const struct acme_held *h,
			      const struct acme_proof_row *p);
void acme_rows_unproof(struct reverse_acme *a, const struct acme_held *h);

/* --- io_acme_errand.c --- */

MUST enum err acme_authority_new(struct reverse_acme *a, struct acme_authority **ret);
/* The errand under way is given up. */
void acme_authority_stop(struct acme_authority *u);
void acme_authority_free(struct acme_authority *u);
/* As conf says from now on. Not while it is busy. */
void acme_authority_adopt(struct acme_authority *u, struct config *config,
			  const struct reverse_conf *site,
			  const struct reverse_authority_conf *conf, struct tls_client *trust);
/* Begins what is most due, if it is idle. Unix seconds when there is something again. */
uint64_t acme_authority_look(struct acme_authority *u, uint64_t now_s);
/* On with the errand. */
void acme_authority_step(struct acme_authority *u);

/* --- io_acme_show.c --- */

/* Begins; acme_shown and acme_authority_step follow, in this call or later. */
void acme_show(struct acme_authority *u, const struct acme_proof *proof);
/* Takes what is shown away. True: that is done; else acme_authority_step follows. */
bool acme_unshow(struct acme_authority *u);
/* The same without waiting for anybody. */
void acme_unshow_now(struct acme_authority *u);
void acme_show_init(struct acme_authority *u);

#endif
