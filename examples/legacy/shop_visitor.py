"""Looks at some goods of the shop, as a browser would.

    python shop_visitor.py [URL]
"""
import sys
import urllib.error
import urllib.request


def main():
    shop = sys.argv[1] if len(sys.argv) > 1 else 'http://127.0.0.1:8073'
    for sku in ('kettle', 'teapot'):
        try:
            with urllib.request.urlopen(shop + '/goods/' + sku, timeout=10) as response:
                print(response.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                print('no', sku, error.code)


if __name__ == '__main__':
    main()
