#include "service/vpn/io_page.h"

#include "base/writer.h"
#include "crypto/random.h"
#include "crypto/secret.h"
#include "crypto/tls.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/log.h"
#include "os/tcp.h"
#include "service/vpn/conf_inner.h"
#include "service/vpn/io_portal.h"
#include "service/vpn/io_portal_certificate.h"
#include "service/vpn/io_vpn.h"
#include "supervisor/plan.h"

#include <stdio.h>
#include <stdlib.h>

#define NAME "vpn"

enum {
	BACKLOG = 64,
	ADDRESSES_MAX = 2 * VPN_INTERFACES_MAX > VPN_ADDRESSES_MAX ? 2 * VPN_INTERFACES_MAX
								   : VPN_ADDRESSES_MAX,
	SOCKETS_MAX = 2 * ADDRESSES_MAX, /* the page, and the plain port */
};

struct vpn_page {
	struct vpn *v;	       /* borrowed */
	struct signin *signin; /* borrowed */
	struct portal_io *io;  /* NULL: not started */
	struct portal *portal;
	struct portal_authority authority;
	uint8_t key[PORTAL_KEY_LEN]; /* of forms: those of before a reload stay good */
	struct loop_timer renew;
	struct {
		int fd; /* -1: in io */
		bool https;
	} sockets[SOCKETS_MAX];
	size_t sockets_n;
};

/* --- where the page is -------------------------------------------------------------------------
 */

static void add_own(const struct vpn_interface_conf *f, struct ip_address *ret, size_t *n)
{
	struct vpn_device_address own;
	bool has[2] = {false};
	for (size_t a = 0; a < f->addresses.n; a++) {
		if (vpn_conf_address(f, a, &own) != OK)
			continue;
		bool *seen = &has[own.address.family == 6];
		if (!*seen)
			ret[(*n)++] = own.address;
		*seen = true;
	}
}

/* As the gate takes them: those that are written, or each interface's first of each family. */
static size_t page_addresses(const struct vpn_conf *conf, struct ip_address ret[ADDRESSES_MAX])
{
	const struct ip_address *written = conf->sign_in.addresses.items;
	size_t n = 0;
	for (size_t i = 0; i < conf->sign_in.addresses.n; i++)
		ret[n++] = written[i];
	for (size_t i = 0; conf->sign_in.addresses.n == 0 && i < conf->interfaces.n; i++)
		add_own(vpn_conf_interface(conf, i), ret, &n);
	return n;
}

static struct ip_endpoint endpoint_of(const struct vpn_conf *conf, const struct ip_address *at,
				      bool https)
{
	return (struct ip_endpoint){
		.address = *at, .port = https ? conf->sign_in.port : conf->sign_in.redirect_port};
}

enum err vpn_page_plan(const struct vpn_conf *conf, struct plan *p)
{
	struct ip_address at[ADDRESSES_MAX];
	size_t n = conf->has_sign_in ? page_addresses(conf, at) : 0;
	for (size_t i = 0; i < 2 * n; i++) {
		struct ip_endpoint to = endpoint_of(conf, &at[i / 2], i % 2 == 0);
		TRY(plan_add_socket(p, NAME, PLAN_TCP, &to, 1));
	}
	return OK;
}

static enum err open_socket(struct vpn_page *x, const struct ip_endpoint *at, bool https)
{
	struct activation_fd *passed =
		activation_find_at(&x->v->life.activation, ACTIVATION_TCP, at, 0);
	int fd = passed ? fd_take(&passed->fd) : -1;
	/* The tunnel's address may come later than we do, or never where there is no TUN. */
	enum err e = passed ? OK : tcp_listen(at, TCP_FREEBIND, BACKLOG, &fd);
	if (e) {
		log_error("the sign-in page's address cannot be served", LOG_ENDPOINT("listen", at),
			  LOG_ERR(e));
		return e;
	}
	x->sockets[x->sockets_n].fd = fd;
	x->sockets[x->sockets_n++].https = https;
	return OK;
}

enum err vpn_page_open(struct vpn *v, struct vpn_page **ret)
{
	const struct vpn_conf *conf = vpn_conf_of(v);
	struct ip_address at[ADDRESSES_MAX];
	enum err e = OK;
	if (!conf->has_sign_in) {
		*ret = NULL;
		return OK;
	}
	struct vpn_page *x = calloc(1, sizeof(*x));
	if (!x)
		return ENOMEM;
	x->v = v;
	size_t n = page_addresses(conf, at);
	for (size_t i = 0; !e && i < 2 * n; i++) {
		struct ip_endpoint to = endpoint_of(conf, &at[i / 2], i % 2 == 0);
		e = open_socket(x, &to, i % 2 == 0);
	}
	if (!e)
		e = crypto_random(x->key, sizeof(x->key));
	if (e)
		vpn_page_free(x);
	else
		*ret = x;
	return e;
}

/* --- who is there ------------------------------------------------------------------------------
 */

static void visitor_of(void *arg, const struct ip_address *inner, struct portal_visitor *ret)
{
	const struct vpn_page *x = arg;
	struct vpn_endpoint at;
	for (size_t i = 0; i < x->v->interfaces_n; i++) {
		const struct vpn_peer *p = vpn_engine_peer_at(x->v->interfaces[i].engine, inner);
		if (!p || !p->sign_in)
			continue;
		ret->must_sign_in = true;
		memcpy(ret->peer, p->public_key, sizeof(ret->peer)); /* both of VPN_KEY_LEN */
		if (vpn_peer_endpoint(p, &at))
			ret->endpoint = at.remote;
		return;
	}
}

static bool peer_name(void *arg, const uint8_t *peer, char ret[PORTAL_PEER_NAME_MAX])
{
	const struct vpn_page *x = arg;
	for (size_t i = 0; i < x->v->interfaces_n; i++) {
		const struct vpn_peer *p = vpn_engine_find_peer(x->v->interfaces[i].engine, peer);
		if (p && p->name[0])
			return span_to_cstr(span_text(p->name), ret, PORTAL_PEER_NAME_MAX);
	}
	return false;
}

static enum err random_bytes(void *arg, void *buf, size_t len)
{
	(void)arg;
	return crypto_random(buf, len);
}

/* --- what it shows -----------------------------------------------------------------------------
 */

static void name_text(const struct vpn_conf *conf, char ret[DNS_NAME_TEXT_MAX])
{
	(void)dns_name_format(&conf->sign_in.name, ret);
	size_t len = strlen(ret);
	if (len > 1 && ret[len - 1] == '.')
		ret[len - 1] = 0;
}

static enum err make(struct vpn_page *x, const struct vpn_conf *conf, struct tls_server **ret_tls,
		     struct portal **ret_portal, struct portal_authority *ret_authority)
{
	AUTO(tls_server_unref) struct tls_server *tls = NULL;
	struct portal_authority authority;
	struct ip_address at[ADDRESSES_MAX];
	char name[DNS_NAME_TEXT_MAX];
	name_text(conf, name);
	struct portal_certificate certificate = {.state = service_life_state(&x->v->life),
						 .name = name,
						 .addresses = at,
						 .addresses_n = page_addresses(conf, at),
						 .chain = conf->sign_in.certificate,
						 .key = conf->sign_in.certificate_key};
	TRY(portal_certificate(&certificate, clock_wall_s(), &tls, &authority));
	struct portal_config config = {.name = name,
				       .addresses = at,
				       .addresses_n = certificate.addresses_n,
				       .port = conf->sign_in.port,
				       .authority = span_of(authority.der, authority.der_len),
				       .signin = x->signin,
				       .arg = x,
				       .peer_name = peer_name,
				       .random = random_bytes};
	memcpy(config.key, x->key, sizeof(config.key));
	enum err e = portal_new(&config, ret_portal);
	crypto_wipe(config.key, sizeof(config.key));
	TRY(e);
	*ret_tls = TAKE(tls);
	*ret_authority = authority;
	return OK;
}

/* Takes what make made. */
static enum err use(struct vpn_page *x, struct tls_server *tls, struct portal *portal)
{
	struct portal *before = x->portal;
	portal_io_use(x->io, portal);
	x->portal = portal;
	portal_free(before);
	return portal_io_show(x->io, tls);
}

static enum err show(struct vpn_page *x)
{
	struct tls_server *tls = NULL;
	struct portal *portal = NULL;
	TRY(make(x, vpn_conf_of(x->v), &tls, &portal, &x->authority));
	return use(x, tls, portal);
}

/* Six hours later: perhaps the certificate is to be renewed. */
static void renew_due(void *arg)
{
	struct vpn_page *x = arg;
	if (show(x) != OK)
		log_warning("the sign-in page stays as it was");
	loop_timer_set_after(&x->v->life.loop, &x->renew, PORTAL_RENEW_MS);
}

enum err vpn_page_start(struct vpn_page *x, struct signin *signin)
{
	if (!x)
		return OK;
	struct portal_io_options options = {
		.loop = &x->v->life.loop, .arg = x, .visitor = visitor_of};
	x->signin = signin;
	loop_timer_init(&x->renew, renew_due, x);
	TRY(portal_io_new(&options, &x->io));
	TRY(show(x));
	for (size_t i = 0; i < x->sockets_n; i++)
		TRY(portal_io_listen(x->io, fd_take(&x->sockets[i].fd), x->sockets[i].https));
	loop_timer_set_after(&x->v->life.loop, &x->renew, PORTAL_RENEW_MS);
	return OK;
}

void vpn_page_reload(struct vpn_page *x)
{
	if (x && x->io && vpn_conf_of(x->v)->has_sign_in && show(x) != OK)
		log_warning("the sign-in page stays as it was");
}

void vpn_page_free(struct vpn_page *x)
{
	if (!x)
		return;
	loop_timer_cancel(&x->v->life.loop, &x->renew);
	portal_io_free(x->io);
	portal_free(x->portal);
	for (size_t i = 0; i < x->sockets_n; i++)
		fd_done(&x->sockets[i].fd);
	free(x);
}

/* --- what is told of it ------------------------------------------------------------------------
 */

static struct portal_io_counts counts_of(const struct vpn_page *x)
{
	struct portal_io_counts c = {0};
	if (x && x->io)
		portal_io_counts(x->io, &c);
	return c;
}

json_t *vpn_page_status(const struct vpn_page *x)
{
	struct portal_io_counts c = counts_of(x);
	if (!x || !x->portal)
		return json_null();
	return json_pack("{s:s,s:b,s:I,s:I,s:I}", "url", portal_url(x->portal), "own_authority",
			 x->authority.der_len != 0, "connections", (json_int_t)c.open, "requests",
			 (json_int_t)c.requests, "redirects", (json_int_t)c.redirects);
}

void vpn_page_metrics(const struct vpn_page *x, struct writer *text)
{
	struct portal_io_counts c = counts_of(x);
	const struct {
		const char *name, *help;
		uint64_t n;
	} all[] = {
		{"accepted_total", "Connections to the sign-in page", c.accepted},
		{"refused_total", "Connections to it over a limit", c.refused},
		{"requests_total", "Requests to it", c.requests},
		{"redirects_total", "Requests for other pages that were led to it", c.redirects},
		{"faults_total", "Requests that could not be read", c.faults},
		{"timed_out_total", "Connections to it that were too slow", c.timed_out},
		{"tls_failed_total", "Connections to it whose TLS failed", c.tls_failed},
	};
	for (size_t i = 0; x && i < sizeof(all) / sizeof(all[0]); i++)
		write_format(text,
			     "# HELP gatehouse_vpn_page_%s %s\n# TYPE gatehouse_vpn_page_%s "
			     "counter\ngatehouse_vpn_page_%s{service=\"vpn\"} %llu\n",
			     all[i].name, all[i].help, all[i].name, all[i].name,
			     (unsigned long long)all[i].n);
}

void vpn_page_authority(void *arg, const struct control_request *req, struct control_reply *reply)
{
	const struct vpn *v = arg;
	(void)req;
	if (!v->page || !v->page->authority.pem[0])
		control_reply_error(reply, 404, "the sign-in page has no authority of its own");
	else
		control_reply_json(reply, 200,
				   json_pack("{s:s}", "certificate", v->page->authority.pem));
}
