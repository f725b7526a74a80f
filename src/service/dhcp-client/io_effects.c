#include "service/dhcp-client/io_effects.h"

#include "control/service_life.h"
#include "os/log.h"
#include "os/outbox.h"
#include "os/packet.h"
#include "service/dhcp-client/io_net.h"
#include "service/dhcp-client/io_uplink.h"

/* --- to the link ------------------------------------------------------------------------------ */

static void count_failed(struct client_uplink *c, enum client_count which, const char *what,
			 enum err e)
{
	if (!e)
		return;
	c->counts[which]++;
	log_warning(what, LOG_TEXT("interface", c->interface), LOG_ERR(e));
}

static enum err send_frame(struct client_uplink *c, const uint8_t to[IP_MAC_LEN],
			   const struct ip_datagram *d)
{
	uint8_t room[IP_PACKET_HEAD_LEN + IP_UDP_HEAD_LEN + DHCP_MESSAGE_MAX];
	struct writer w = writer_of(room, sizeof(room));
	struct packet_end end = {
		.ifindex = c->ifindex, .protocol = PACKET_IP4, .address_len = IP_MAC_LEN};
	memcpy(end.address, to, IP_MAC_LEN);
	ip_datagram_write_head(&w, d);
	write_span(&w, d->payload);
	TRY(writer_check(&w));
	return packet_send(c->ip_fd, &end, writer_span(&w));
}

static enum err send_routed(struct client_uplink *c, const struct ip_datagram *d)
{
	struct ip_endpoint to = {.address = setting_address(d->destination),
				 .port = d->destination_port};
	struct ip_address from = setting_address(d->source);
	if (!outbox_add_udp(c->env->outbox, &to, &from, c->ifindex, d->payload))
		return ERR_LIMIT;
	return outbox_send(c->env->outbox, c->env->udp_fd) == 0 ? OK : (enum err)ENETUNREACH;
}

static void on_send(void *arg, uint32_t from, uint32_t to, bool last, struct span message)
{
	struct client_uplink *c = arg;
	struct ip_datagram d = {.source = from,
				.destination = to,
				.source_port = DHCP_PORT_CLIENT,
				.destination_port = DHCP_PORT_SERVER,
				.payload = message};
	enum err e;
	if (to == UINT32_MAX)
		e = send_frame(c, ip_mac_broadcast, &d);
	else if (last && c->has_peer) /* the kernel might first have to ask who has it */
		e = send_frame(c, c->peer, &d);
	else
		e = send_routed(c, &d);
	count_failed(c, CLIENT_COUNT_SEND_FAILED, "a message could not be sent", e);
}

static void on_arp(void *arg, const struct ip_arp *arp)
{
	struct client_uplink *c = arg;
	uint8_t room[IP_ARP_LEN];
	struct writer w = writer_of(room, sizeof(room));
	struct packet_end to = {
		.ifindex = c->ifindex, .protocol = PACKET_ARP, .address_len = IP_MAC_LEN};
	memcpy(to.address, ip_mac_broadcast, IP_MAC_LEN);
	ip_arp_write(&w, arp);
	count_failed(c, CLIENT_COUNT_SEND_FAILED, "an ARP packet could not be sent",
		     packet_send(c->arp_fd, &to, writer_span(&w)));
}

/* --- to the disk ------------------------------------------------------------------------------ */

static void on_store(void *arg, const struct lease *lease, uint64_t end_ms)
{
	struct client_uplink *c = arg;
	struct lease_file f = {.mtu_before = c->mtu_before};
	if (store_is_taken(&c->store))
		return;
	if (lease) {
		f.obtained_s = c->u.obtained_ms / 1000;
		f.expires_s = end_ms == UINT64_MAX ? UINT64_MAX : end_ms / 1000;
		f.message = span_of(lease->message, lease->message_len);
	}
	count_failed(c, CLIENT_COUNT_STORE_FAILED, "the lease could not be stored",
		     store_write(&c->store, &f));
}

/* --- to the kernel ---------------------------------------------------------------------------- */

static uint32_t seconds_left(uint64_t end_ms, uint64_t now_ms)
{
	uint64_t left_s = end_ms > now_ms ? (end_ms - now_ms + 999) / 1000 : 1;
	return end_ms == UINT64_MAX || left_s >= LEASE_FOREVER ? LEASE_FOREVER : (uint32_t)left_s;
}

static void on_set(void *arg, const struct lease *lease, uint64_t end_ms)
{
	struct client_uplink *c = arg;
	struct setting s;
	if (c->receiving) {
		c->has_peer = true;
		memcpy(c->peer, c->sender, IP_MAC_LEN);
	}
	if (store_is_taken(&c->store))
		return;
	uint32_t mtu_before = c->mtu_before;
	setting_of(lease, c->conf->routes, c->conf->mtu, &s);
	count_failed(c, CLIENT_COUNT_SET_FAILED, "the lease could not be set whole",
		     net_set(c->ifindex, &s, c->conf->metric,
			     seconds_left(end_ms, client_env_now_ms(c->env)), &c->mtu_before));
	if (c->mtu_before != mtu_before) /* to be found again after a crash */
		on_store(c, lease, end_ms);
	c->env->changed(c->env->arg);
}

static void on_unset(void *arg)
{
	struct client_uplink *c = arg;
	c->has_peer = false;
	if (store_is_taken(&c->store))
		return;
	count_failed(c, CLIENT_COUNT_SET_FAILED, "the lease could not be removed whole",
		     net_unset(c->ifindex, &c->mtu_before));
	c->env->changed(c->env->arg);
}

void client_effects_again(struct client_uplink *c)
{
	if (c->u.has_lease)
		on_set(c, &c->u.lease, c->u.end_ms);
}

/* --- to people -------------------------------------------------------------------------------- */

static void set_address(json_t *fields, const char *key, uint32_t address)
{
	char text[IP_ADDRESS_TEXT_MAX];
	struct ip_address a = setting_address(address);
	if (!address)
		return;
	(void)ip_address_format(&a, text);
	(void)json_object_set_new(fields, key, json_string(text));
}

static void set_mac(json_t *fields, const uint8_t *mac)
{
	char text[3 * IP_MAC_LEN + 1];
	if (!mac)
		return;
	(void)snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		       mac[3], mac[4], mac[5]);
	(void)json_object_set_new(fields, "mac", json_string(text));
}

static void log_event(const struct client_uplink *c, const struct uplink_event *e)
{
	struct ip_address address = setting_address(e->address);
	if (e->kind == UPLINK_EVENT_CONFLICT)
		log_warning("another host uses our address", LOG_TEXT("interface", c->interface),
			    LOG_ADDRESS("address", &address));
	else if (e->kind == UPLINK_EVENT_EXPIRED)
		log_warning("the lease is over", LOG_TEXT("interface", c->interface),
			    LOG_ADDRESS("address", &address));
	else if (e->kind == UPLINK_EVENT_STATE && e->state == UPLINK_BOUND)
		log_info("the lease is in force", LOG_TEXT("interface", c->interface),
			 LOG_ADDRESS("address", &address));
}

static void on_event(void *arg, const struct uplink_event *e)
{
	static const char *const names[] = {
		[UPLINK_EVENT_SENT] = "sent",	      [UPLINK_EVENT_RECEIVED] = "received",
		[UPLINK_EVENT_REFUSED] = "refused",   [UPLINK_EVENT_STATE] = "state",
		[UPLINK_EVENT_CONFLICT] = "conflict", [UPLINK_EVENT_EXPIRED] = "expired"};
	struct client_uplink *c = arg;
	log_event(c, e);
	if (!c->env->life->control)
		return; /* the service begins or ends */
	json_t *fields = json_pack("{s:s,s:s}", "interface", c->interface, "state",
				   uplink_state_name(e->state));
	const char *type = e->type ? dhcp_type_name(e->type) : NULL;
	if (type)
		(void)json_object_set_new(fields, "message", json_string(type));
	if (e->cause)
		(void)json_object_set_new(fields, "cause",
					  json_string(uplink_cause_name(e->cause)));
	if (e->xid)
		(void)json_object_set_new(fields, "xid", json_integer(e->xid));
	set_address(fields, "address", e->address);
	set_address(fields, "server", e->server);
	set_mac(fields, e->mac);
	control_event(c->env->life->control, names[e->kind], fields);
}

void client_effects(struct client_uplink *c, struct uplink_effects *ret)
{
	*ret = (struct uplink_effects){.arg = c,
				       .send = on_send,
				       .arp = on_arp,
				       .set = on_set,
				       .unset = on_unset,
				       .store = on_store,
				       .event = on_event};
}
