/** How many times what is left for everybody one holder may have: alone it gets four fifths of all. */
const MOST_OF_REST = 4;

/**
 * Room that many holders share, each through a `Share` of its own. A holder may have no more than a multiple of what is left,
 * so whoever floods stops while there is room for the others, and they for those who come after them.
 */
export class Allowance {
  left: number;

  constructor(total: number) {
    this.left = total;
  }

  share(): Share {
    return new Share(this);
  }
}

/** What one holder has of an allowance. */
export class Share {
  held = 0;
  /** Times that something was not given. */
  refused = 0;
  private readonly allowance: Allowance;

  constructor(allowance: Allowance) {
    this.allowance = allowance;
  }

  take(amount: number): boolean {
    const { allowance } = this;
    if (this.held + amount > MOST_OF_REST * (allowance.left - amount)) {
      this.refused++;
      return false;
    }
    this.held += amount;
    allowance.left -= amount;
    return true;
  }

  giveBack(amount: number): void {
    this.held -= amount;
    this.allowance.left += amount;
  }
}
