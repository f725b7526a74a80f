/* From the configuration to the engines: at the start, and at each reload. */
#include "crypto/secret.h"
#include "os/log.h"
#include "service/vpn/conf_inner.h"
#include "service/vpn/io_vpn.h"

#include <stdlib.h>

/* --- a peer ----------------------------------------------------------------------------------- */

static size_t reach_count(const struct vpn_peer_conf *peer)
{
	const struct vpn_reach_conf *reach = peer->reach.items;
	size_t n = 0;
	for (size_t i = 0; i < peer->reach.n; i++)
		n += reach[i].to.n * (reach[i].ports.n ? reach[i].ports.n : 1);
	return n;
}

static void reach_fill(const struct vpn_peer_conf *peer, struct gate_reach *ret)
{
	const struct vpn_reach_conf *reach = peer->reach.items;
	for (size_t i = 0; i < peer->reach.n; i++) {
		const struct ip_prefix *to = reach[i].to.items;
		const struct config_port *ports = reach[i].ports.items;
		for (size_t t = 0; t < reach[i].to.n; t++) {
			if (reach[i].ports.n == 0)
				*ret++ = (struct gate_reach){.to = to[t]};
			for (size_t p = 0; p < reach[i].ports.n; p++)
				*ret++ = (struct gate_reach){.to = to[t],
							     .protocol = ports[p].protocol,
							     .first = ports[p].port,
							     .last = ports[p].port};
		}
	}
}

/* What texts say was judged with the configuration. */
static enum err setting_fill(const struct vpn_interface_conf *f, const struct vpn_peer_conf *peer,
			     struct vpn_peer_setting *ret)
{
	*ret = (struct vpn_peer_setting){
		.name = peer->name,
		.allowed = peer->allowed_ips.items,
		.allowed_n = peer->allowed_ips.n,
		.keepalive_s = (uint16_t)(peer->keepalive_ms / 1000),
		.to_peers = peer->has_to_peers ? peer->to_peers : f->to_peers,
		.hub = peer->hub,
		.sign_in = peer->sign_in == VPN_SIGNIN_REQUIRED,
		.users = peer->users.items,
		.users_n = peer->users.n,
		.roles = peer->roles.items,
		.roles_n = peer->roles.n,
	};
	TRY(vpn_conf_key(span_text(peer->public_key), ret->public_key));
	if (peer->preshared_key.len)
		TRY(vpn_conf_key(peer->preshared_key, ret->preshared_key));
	if (peer->endpoint)
		TRY(vpn_text_remote(span_text(peer->endpoint), &ret->remote));
	if (peer->expires)
		TRY(vpn_text_date(span_text(peer->expires), &ret->expires_s));
	if (peer->bandwidth.up)
		TRY(vpn_text_rate(span_text(peer->bandwidth.up), &ret->up_bits));
	if (peer->bandwidth.down)
		TRY(vpn_text_rate(span_text(peer->bandwidth.down), &ret->down_bits));
	return OK;
}

static enum err apply_peer(struct vpn_interface *f, const struct vpn_interface_conf *of,
			   const struct vpn_peer_conf *conf)
{
	struct vpn_peer_setting s;
	struct vpn_peer *peer = NULL;
	struct gate_reach *reach = NULL;
	enum err e = setting_fill(of, conf, &s);
	s.reach_n = reach_count(conf);
	if (!e && s.reach_n) {
		reach = calloc(s.reach_n, sizeof(*reach));
		if (!reach)
			e = ENOMEM;
		else
			reach_fill(conf, reach);
		s.reach = reach;
	}
	if (!e)
		e = vpn_peer_put(f, &s, VPN_ORIGIN_CONFIG, &peer);
	if (!e)
		vpn_own_of(peer)->seen = f->applied;
	else
		log_error(e == ERR_REFUSED ? "the peer's key is this gateway's own, or none at all"
					   : "the peer cannot be",
			  LOG_TEXT("interface", f->name), LOG_TEXT("peer", conf->name), LOG_ERR(e));
	free(reach);
	crypto_wipe(&s, sizeof(s));
	return e;
}

/* --- an interface ----------------------------------------------------------------------------- */

static bool is_gone(const struct vpn_interface *f, const struct vpn_peer *p)
{
	const struct vpn_own *own = vpn_own_of(p);
	return own && own->origin == VPN_ORIGIN_CONFIG && own->seen != f->applied;
}

static void remove_gone(struct vpn_interface *f)
{
	for (struct vpn_peer *p = NULL, *next = vpn_engine_next_peer(f->engine, NULL); next;) {
		p = next;
		next = vpn_engine_next_peer(f->engine, p);
		if (is_gone(f, p))
			vpn_engine_remove_peer(f->engine, p);
	}
}

/* The same key again would end all sessions. */
static enum err apply_key(struct vpn_interface *f, const struct vpn_interface_conf *conf)
{
	uint8_t key[VPN_KEY_LEN] = {0}, now[VPN_KEY_LEN] = {0};
	enum err e = vpn_private_key(f->vpn, conf, key);
	if (!e && (!vpn_engine_private_key(f->engine, now) || memcmp(key, now, sizeof(key)) != 0))
		e = vpn_engine_set_private_key(f->engine, vpn_now_ms(), key);
	crypto_wipe(key, sizeof(key));
	crypto_wipe(now, sizeof(now));
	return e;
}

static void apply_net(struct vpn_interface *f, const struct vpn_conf *conf,
		      const struct vpn_interface_conf *of)
{
	struct vpn_device_address own;
	const struct ip_address *servers = conf->sign_in.time_servers.items;
	const struct ip_address *pages = conf->sign_in.addresses.items;
	struct gate_net *net = &f->net;
	gate_net_clear(net);
	gate_net_set_page(net, &conf->sign_in.name, conf->has_sign_in ? conf->sign_in.port : 0,
			  conf->has_sign_in ? conf->sign_in.redirect_port : 0);
	for (size_t i = 0; i < of->addresses.n; i++)
		if (vpn_conf_address(of, i, &own) == OK && !gate_net_add_inner(net, &own.address))
			log_warning("too many addresses for one interface",
				    LOG_TEXT("interface", f->name));
	vpn_own_addresses_fill(f->vpn->own, net);
	for (size_t i = 0; i < conf->sign_in.addresses.n; i++)
		gate_net_set_page_address(net, &pages[i]);
	net->time_servers_n = 0;
	for (size_t i = 0; i < conf->sign_in.time_servers.n; i++)
		net->time_servers[net->time_servers_n++] = servers[i];
}

static enum err apply_interface(struct vpn_interface *f, const struct vpn_conf *conf,
				const struct vpn_interface_conf *of)
{
	enum err e = OK;
	f->applied++;
	vpn_engine_begin(f->engine);
	apply_net(f, conf, of);
	if (f->link)
		vpn_link_set_mtu(f->link, of->mtu);
	vpn_engine_set_mtu(f->engine, of->mtu);
	vpn_engine_set_limits(f->engine, conf->limits.handshakes, conf->limits.source_handshakes);
	e = apply_key(f, of);
	for (size_t p = 0; !e && p < of->peers.n; p++)
		e = apply_peer(f, of, vpn_conf_peer(of, p));
	if (!e)
		remove_gone(f);
	vpn_engine_end(f->engine);
	return e;
}

/* Devices and sockets are opened at the start; the supervisor starts a new process for others. */
static bool listens_at(const struct vpn_interface *f, const struct ip_endpoint *at)
{
	for (size_t l = 0; l < f->listen_n; l++)
		if (ip_endpoint_equal(&f->listen[l], at))
			return true;
	return false;
}

static bool has_same_listen(const struct vpn_interface *f, const struct vpn_interface_conf *of)
{
	const struct ip_endpoint *listen = of->listen.items;
	size_t n = 0;
	for (size_t l = 0; l < of->listen.n; l++) {
		bool there = listens_at(f, &listen[l]);
		if (!there && (of->has_listen || listen[l].address.family == 4))
			return false;
		n += there;
	}
	return n == f->listen_n;
}

static bool has_same_descriptors(const struct vpn *v, const struct vpn_conf *conf)
{
	bool same = v->interfaces_n == conf->interfaces.n;
	for (size_t i = 0; same && i < v->interfaces_n; i++) {
		const struct vpn_interface *f = &v->interfaces[i];
		const struct vpn_interface_conf *of = vpn_conf_interface_named(conf, f->name);
		same = of && has_same_listen(f, of);
	}
	return same;
}

enum err vpn_apply(struct vpn *v, const struct vpn_conf *conf)
{
	if (!has_same_descriptors(v, conf)) {
		log_error("other interfaces, or other addresses to listen at, take a new start of "
			  "the service");
		return ERR_REFUSED;
	}
	for (size_t i = 0; i < v->interfaces_n; i++)
		TRY(apply_interface(&v->interfaces[i], conf,
				    vpn_conf_interface_named(conf, v->interfaces[i].name)));
	return OK;
}
