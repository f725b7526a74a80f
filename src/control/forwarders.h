/* What the client of the uplinks and the resolver agree upon: how forwarders are told. One verb on
 *a socket of its own, so that who was given it can do nothing else.
 *
 *	POST /forwarders {"servers": ["192.0.2.1"], "hold_s": 60}
 *
 * takes the place of what was told before; an empty list takes it back. It is told again before
 * hold_s are over, also for the sake of a resolver that has been started anew. */
#ifndef CONTROL_FORWARDERS_H
#define CONTROL_FORWARDERS_H

#define FORWARDERS_SOCKET     "resolver.forwarders" /* in the run directory */
#define FORWARDERS_MAX	      3
#define FORWARDERS_HOLD_S     60 /* as the client tells it */
#define FORWARDERS_HOLD_MAX_S 3600

#endif
