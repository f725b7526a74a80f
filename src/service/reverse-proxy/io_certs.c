/* Certificates on the control socket: what there is, from whom, until when. */
#include "service/reverse-proxy/io_certs.h"
#include "base/writer.h"
#include "crypto/tls_chain.h"
#include "os/clock.h"
#include "service/reverse-proxy/io_acme.h"
#include "service/reverse-proxy/io_certificates.h"
#include "service/reverse-proxy/io_staples.h"

enum { SOON_S = 14 * 86400 };

static void set_text(json_t *object, const char *key, const char *text)
{
	(void)json_object_set_new(object, key, json_string(text));
}

static void set_time(json_t *object, const char *key, uint64_t s)
{
	if (s)
		(void)json_object_set_new(object, key, json_integer((json_int_t)s));
}

static const char *key_text(const struct tls_chain_facts *f, char buf[32])
{
	static const char *const kinds[TLS_KEYS_N] = {
		[TLS_KEY_ECDSA] = "ECDSA", [TLS_KEY_RSA] = "RSA", [TLS_KEY_ED25519] = "Ed25519"};
	struct writer w = writer_of(buf, 32);
	write_format(&w, f->key == TLS_KEY_ED25519 ? "%s" : "%s %u", kinds[f->key], f->key_bits);
	write_u8(&w, 0);
	return buf;
}

/* Of one that is ordered a third of its life is left when it is renewed: it is late when a tenth
 * is. */
static const char *state_text(const struct tls_chain_facts *f, bool ordered, uint64_t now_s)
{
	uint64_t left_s = f->until_s > now_s ? f->until_s - now_s : 0;
	uint64_t soon_s = ordered ? (f->until_s - f->from_s) / 10 : SOON_S;
	return left_s == 0	   ? "ended"
	       : f->from_s > now_s ? "not yet"
	       : left_s < soon_s   ? "ends soon"
				   : "good";
}

static void put_facts(json_t *json, const struct tls_chain *chain, bool ordered)
{
	struct tls_chain_facts f;
	char buf[32], fingerprint[2 * sizeof(f.fingerprint) + 1];
	struct writer w = writer_of(fingerprint, sizeof(fingerprint));
	json_t *names = json_array();
	tls_chain_facts(chain, &f);
	for (size_t i = 0; i < f.names_n; i++)
		(void)json_array_append_new(names, json_string(tls_chain_name(chain, i)));
	for (size_t i = 0; i < sizeof(f.fingerprint); i++)
		write_format(&w, "%02x", f.fingerprint[i]);
	write_u8(&w, 0);
	(void)json_object_set_new(json, "names", names);
	set_text(json, "state", state_text(&f, ordered, clock_wall_s()));
	set_text(json, "issuer", f.issuer);
	set_text(json, "subject", f.subject);
	set_text(json, "serial", f.serial);
	set_text(json, "fingerprint", fingerprint);
	set_text(json, "key", key_text(&f, buf));
	set_time(json, "from", f.from_s);
	set_time(json, "until", f.until_s);
}

static void put_staple(json_t *json, const struct reverse_proxy *p, const struct tls_chain *chain)
{
	struct reverse_staple_facts f;
	reverse_staples_facts(p->staples, chain, &f);
	set_time(json, "staple", f.until_s);
	if (f.why[0])
		set_text(json, "staple_error", f.why);
}

static void put_wanted(json_t *json, const struct reverse_certificate_conf *c)
{
	const struct dns_name *names = c->names.items;
	json_t *list = json_array();
	char text[ACME_NAME_MAX];
	for (size_t i = 0; i < c->names.n; i++) {
		reverse_acme_name(&names[i], text);
		(void)json_array_append_new(list, json_string(text));
	}
	(void)json_object_set_new(json, "names", list);
	set_text(json, "state", "waits");
}

static void put_order(json_t *json, struct reverse_acme *acme, const struct reverse_conf *conf,
		      const struct reverse_certificate_conf *c)
{
	struct reverse_acme_facts f;
	reverse_acme_facts(acme, conf, c, &f);
	set_text(json, "authority", c->acme);
	if (f.orders || f.elsewhere)
		set_text(json, "order", f.orders ? "here" : "at another gateway");
	set_time(json, "renewal", f.schedule.due_s);
	if (f.schedule.failures) {
		(void)json_object_set_new(json, "failures",
					  json_integer((json_int_t)f.schedule.failures));
		set_text(json, "error", f.schedule.error);
		set_time(json, "retry", f.schedule.retry_s);
	}
	if (f.unsaved)
		(void)json_object_set_new(json, "unsaved", json_true());
}

static json_t *certificate_json(const struct reverse_proxy *p, size_t i)
{
	const struct reverse_conf *conf = p->snapshot->site->conf;
	const struct reverse_certificate_conf *c =
		(const struct reverse_certificate_conf *)conf->certificates.items + i;
	const struct tls_chain *chain = reverse_tls_chain(p->snapshot->site->tls, i);
	json_t *json = json_object();
	(void)json_object_set_new(json, "line", json_integer((json_int_t)c->line));
	if (chain) {
		put_facts(json, chain, c->acme != NULL);
		put_staple(json, p, chain);
	} else {
		put_wanted(json, c);
	}
	if (c->acme)
		put_order(json, p->acme, conf, c);
	else
		set_text(json, "file", c->chain);
	return json;
}

void reverse_control_certificates(void *arg, const struct control_request *req,
				  struct control_reply *reply)
{
	const struct reverse_proxy *p = arg;
	json_t *list = json_array();
	(void)req;
	for (size_t i = 0; i < p->snapshot->site->conf->certificates.n; i++)
		(void)json_array_append_new(list, certificate_json(p, i));
	control_reply_json(
		reply, 200,
		json_pack("{s:I,s:o}", "time", (json_int_t)clock_wall_s(), "certificates", list));
}

void reverse_control_renew(void *arg, const struct control_request *req,
			   struct control_reply *reply)
{
	struct reverse_proxy *p = arg;
	const char *name = control_request_query(req, "name");
	if (!name)
		control_reply_error(reply, 400, "name= must be a name of an ordered certificate");
	else if (reverse_acme_renew(p->acme, name))
		control_reply_error(reply, 404, "no ordered certificate has that name");
	else
		control_reply_json(reply, 200, json_pack("{s:b}", "ordered", 1));
}

/* --- metrics --- */

#define PREFIX "gatehouse_reverse_proxy_"

static void head(struct writer *w, const char *name, const char *help, const char *type)
{
	write_format(w, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n", name, help, name, type);
}

/* The first name tells certificates apart, and the line those with the same names. */
static void labels(struct writer *w, const char *metric, const char *name,
		   const struct reverse_certificate_conf *c)
{
	write_format(w, PREFIX "%s{name=\"%s\",line=\"%u\",source=\"%s\"} ", metric, name, c->line,
		     c->acme ? "acme" : "file");
}

static void write_ends(const struct reverse_proxy *p, struct writer *w)
{
	const struct reverse_conf *conf = p->snapshot->site->conf;
	const struct reverse_certificate_conf *all = conf->certificates.items;
	struct tls_chain_facts f;
	head(w, "certificate_end_seconds", "when a certificate ends, Unix time", "gauge");
	for (size_t i = 0; i < conf->certificates.n; i++) {
		const struct tls_chain *chain = reverse_tls_chain(p->snapshot->site->tls, i);
		if (!chain)
			continue;
		const char *name = tls_chain_name(chain, 0);
		tls_chain_facts(chain, &f);
		labels(w, "certificate_end_seconds", name ? name : "", &all[i]);
		write_format(w, "%llu\n", (unsigned long long)f.until_s);
	}
}

static void write_orders(const struct reverse_proxy *p, struct writer *w)
{
	const struct reverse_conf *conf = p->snapshot->site->conf;
	const struct reverse_certificate_conf *all = conf->certificates.items;
	struct reverse_acme_facts f;
	char name[ACME_NAME_MAX];
	head(w, "certificate_failures", "orders of a certificate that failed since the last one",
	     "gauge");
	for (size_t i = 0; i < conf->certificates.n; i++) {
		if (!all[i].acme)
			continue;
		reverse_acme_name(all[i].names.items, name);
		reverse_acme_facts(p->acme, conf, &all[i], &f);
		labels(w, "certificate_failures", name, &all[i]);
		write_format(w, "%u\n", f.schedule.failures);
	}
}

void reverse_control_certificate_metrics(const struct reverse_proxy *p, struct writer *w)
{
	struct reverse_acme_counts c;
	reverse_acme_counts(p->acme, &c);
	const struct {
		const char *name, *help;
		uint64_t n;
	} counts[] = {
		{"acme_requests_total", "requests to authorities", c.requests},
		{"acme_issued_total", "certificates that were issued", c.issued},
		{"acme_failed_total", "orders that failed", c.failed},
		{"acme_shown_http_total", "proofs of http-01 shown", c.shown_http},
		{"acme_shown_tls_total", "proofs of tls-alpn-01 shown", c.shown_tls},
	};
	write_ends(p, w);
	write_orders(p, w);
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		head(w, counts[i].name, counts[i].help, "counter");
		write_format(w, PREFIX "%s %llu\n", counts[i].name,
			     (unsigned long long)counts[i].n);
	}
	head(w, "acme_store_away", "1 while the store cannot be reached", "gauge");
	write_format(w, PREFIX "acme_store_away %d\n", c.store_away);
}
