#!/bin/sh
# Called by udhcpc with the event as $1 and the lease in the environment.
resolv=/run/codchi/resolv.conf
case $1 in
  deconfig)
    ip link set dev "$interface" up
    ip -4 addr flush dev "$interface"
    ;;
  bound | renew)
    ip -4 addr replace "$ip/${mask:-24}" dev "$interface"
    for gateway in $router; do
      ip route replace default via "$gateway" dev "$interface"
      break
    done
    {
      [ -z "$domain" ] || echo "search $domain"
      for server in $dns; do echo "nameserver $server"; done
    } >$resolv.new
    mv $resolv.new $resolv
    ;;
esac
