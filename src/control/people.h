/* What the tunnels' service and others of this gateway agree upon: how somebody's name and password
 * are judged by the service that keeps them. One verb on a socket of its own, so that who was given
 * it can ask that and do nothing else.
 *
 *	POST /verify {"user": "alice", "password": "…", "address": "192.168.7.9", "coded": true}
 *
 * coded: the last six digits of the password are the code of the user's app. 200: it is right; 403:
 * it is not; 429: too many were not, and this one was not looked at; 503: nobody could look.
 * Failures are counted as those at the sign-in page are: for the user, and for the address. */
#ifndef CONTROL_PEOPLE_H
#define CONTROL_PEOPLE_H

#define PEOPLE_SOCKET "vpn.users" /* in the run directory */

#endif
