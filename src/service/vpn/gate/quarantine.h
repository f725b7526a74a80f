/* What a peer that has not signed in may still exchange: the page, its DNS, time, echo with the
 * gateway. Decides from the packet and the network's settings alone; knows no state of a peer. */
#ifndef VPN_GATE_QUARANTINE_H
#define VPN_GATE_QUARANTINE_H

struct gate_net;
struct gate_packet;

enum quarantine_way {
	QUARANTINE_REFUSE,
	QUARANTINE_PASS,
	QUARANTINE_DNS, /* to be answered here */
	QUARANTINE_WEB, /* to be led to the page, or back from it */
};

/* From the peer. Fragments are refused: nothing that it may do needs them. */
enum quarantine_way quarantine_in(const struct gate_net *net, const struct gate_packet *p);
/* To the peer. */
enum quarantine_way quarantine_out(const struct gate_net *net, const struct gate_packet *p);

#endif
