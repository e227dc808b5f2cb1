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

  /** Whether so much would be given. */
  has(amount: number): boolean {
    return this.held + amount <= MOST_OF_REST * (this.allowance.left - amount);
  }

  take(amount: number): boolean {
    if (!this.has(amount)) {
      this.refused++;
      return false;
    }
    this.held += amount;
    this.allowance.left -= amount;
    return true;
  }

  giveBack(amount: number): void {
    this.held -= amount;
    this.allowance.left += amount;
  }
}
